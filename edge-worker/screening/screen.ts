import { REASONS } from '../../core/disposition.ts';
import { SCREENING_RULES, type ScreeningRule, type ScreeningSignals } from './rules.ts';

/** What screening found: the primary reason (0 = clean) and every reason that matched, bit n = reason code n. */
export type Screening = { readonly screenedReason: number; readonly reasonMask: number };

/** Asks every rule; the first match in the list's order is primary. */
export function screen(signals: ScreeningSignals, rules: readonly ScreeningRule[] = SCREENING_RULES): Screening {
  let screenedReason: number = REASONS.none;
  let reasonMask = 0;
  for (const rule of rules) {
    if (!rule.test(signals)) continue;
    const code = REASONS[rule.id];
    if (screenedReason === REASONS.none) screenedReason = code;
    reasonMask |= 1 << code;
  }
  return { screenedReason, reasonMask };
}
