import type { Reason } from '../../core/disposition.ts';

/** What the rules look at. `null` agent facts: the sender is a server that says nothing of its user's agent. */
export type ScreeningSignals = {
  readonly isHead: boolean;
  /** The browser says that nobody has asked for this page yet. */
  readonly isPrefetch: boolean;
  readonly declaredBot: boolean;
  readonly impossibleAgent: boolean;
  readonly fromDataCenter: boolean;
  /** The token was minted for another prefix or agent than it is used from. */
  readonly contextMismatch: boolean;
  /** Neither token nor key, and the ad does not allow that. */
  readonly unsigned: boolean;
  readonly tokenExpired: boolean;
  /** The ad is paused or out of its active window. */
  readonly adInactive: boolean;
};

export const NOTHING_SUSPICIOUS: ScreeningSignals = {
  isHead: false,
  isPrefetch: false,
  declaredBot: false,
  impossibleAgent: false,
  fromDataCenter: false,
  contextMismatch: false,
  unsigned: false,
  tokenExpired: false,
  adInactive: false,
};

/** `GIVT`: MRC's general invalid traffic, by lists and routine checks. `terms`: a real person perhaps, but nothing we agreed to count. */
export type RuleClass = 'GIVT' | 'terms';

export type ScreeningRule = {
  readonly id: Reason;
  readonly version: number;
  readonly class: RuleClass;
  readonly test: (signals: ScreeningSignals) => boolean;
};

/**
 * Every rule of the edge, in order of precedence: the first match is the primary reason. First what no person did (a machine's
 * request says so itself, then its agent, then its network), then what we cannot trust (a token used elsewhere, no signature), last what is
 * a person's but out of terms. Itemised invalid traffic is therefore never hidden behind paperwork.
 */
export const SCREENING_RULES: readonly ScreeningRule[] = [
  { id: 'head', version: 1, class: 'GIVT', test: (signals) => signals.isHead },
  { id: 'prefetch', version: 1, class: 'GIVT', test: (signals) => signals.isPrefetch },
  { id: 'declared_bot', version: 1, class: 'GIVT', test: (signals) => signals.declaredBot },
  { id: 'impossible_agent', version: 1, class: 'GIVT', test: (signals) => signals.impossibleAgent },
  { id: 'data_center', version: 1, class: 'GIVT', test: (signals) => signals.fromDataCenter },
  { id: 'context_mismatch', version: 1, class: 'GIVT', test: (signals) => signals.contextMismatch },
  { id: 'unsigned', version: 1, class: 'terms', test: (signals) => signals.unsigned },
  { id: 'expired', version: 1, class: 'terms', test: (signals) => signals.tokenExpired },
  { id: 'inactive', version: 1, class: 'terms', test: (signals) => signals.adInactive },
];
