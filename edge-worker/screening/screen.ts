import { REASONS } from '../../core/disposition.ts';
import { SCREENING_RULES, type ScreeningRule } from './rules.ts';

/** What screening found: the primary reason (0 = clean) and every reason that matched, bit n = reason code n. */
export type Screening = { readonly screenedReason: number; readonly reasonMask: number };

const CLEAN: Screening = { screenedReason: REASONS.none, reasonMask: 0 };

/** Asks every rule about a set of `SIGNAL`s; the first match in the list's order is primary. */
export function screen(signals: number, rules: readonly ScreeningRule[] = SCREENING_RULES): Screening {
  if (signals === 0) return CLEAN;
  let screenedReason: number = REASONS.none;
  let reasonMask = 0;
  for (const rule of rules) {
    if ((signals & rule.signal) === 0) continue;
    const code = REASONS[rule.id];
    if (screenedReason === REASONS.none) screenedReason = code;
    reasonMask |= 1 << code;
  }
  return { screenedReason, reasonMask };
}
