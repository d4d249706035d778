import type { Reason } from '../../core/disposition.ts';

/** What the rules look at: an event's signals are a set of these bits, 0 for nothing suspicious. */
export const SIGNAL = {
  isHead: 1 << 0,
  /** The browser says that nobody has asked for this page yet. */
  isPrefetch: 1 << 1,
  declaredBot: 1 << 2,
  impossibleAgent: 1 << 3,
  fromDataCenter: 1 << 4,
  /** The token was minted for another prefix or agent than it is used from. */
  contextMismatch: 1 << 5,
  /** Neither token nor key, and the ad does not allow that. */
  unsigned: 1 << 6,
  tokenExpired: 1 << 7,
  /** The ad is paused or out of its active window. */
  adInactive: 1 << 8,
} as const;

/** `GIVT`: MRC's general invalid traffic, by lists and routine checks. `terms`: a real person perhaps, but nothing we agreed to count. */
export type RuleClass = 'GIVT' | 'terms';

/** A rule matches where its signal is set. */
export type ScreeningRule = { readonly id: Reason; readonly version: number; readonly class: RuleClass; readonly signal: number };

/**
 * Every rule of the edge, in order of precedence: the first match is the primary reason. First what no person did (a machine's
 * request says so itself, then its agent, then its network), then what we cannot trust (a token used elsewhere, no signature), last what is
 * a person's but out of terms. Itemised invalid traffic is therefore never hidden behind paperwork.
 */
export const SCREENING_RULES: readonly ScreeningRule[] = [
  { id: 'head', version: 1, class: 'GIVT', signal: SIGNAL.isHead },
  { id: 'prefetch', version: 1, class: 'GIVT', signal: SIGNAL.isPrefetch },
  { id: 'declared_bot', version: 1, class: 'GIVT', signal: SIGNAL.declaredBot },
  { id: 'impossible_agent', version: 1, class: 'GIVT', signal: SIGNAL.impossibleAgent },
  { id: 'data_center', version: 1, class: 'GIVT', signal: SIGNAL.fromDataCenter },
  { id: 'context_mismatch', version: 1, class: 'GIVT', signal: SIGNAL.contextMismatch },
  { id: 'unsigned', version: 1, class: 'terms', signal: SIGNAL.unsigned },
  { id: 'expired', version: 1, class: 'terms', signal: SIGNAL.tokenExpired },
  { id: 'inactive', version: 1, class: 'terms', signal: SIGNAL.adInactive },
];
