/**
 * What becomes of an event: a closed set, one for each event.
 * Codes are stored for years: never renumber, only append.
 */
export const DISPOSITIONS = { counted: 1, duplicate: 2, filtered: 3, held: 4, rejected: 5 } as const;
export type Disposition = keyof typeof DISPOSITIONS;
export type DispositionCode = (typeof DISPOSITIONS)[Disposition];

/** Why an accepted event did not count. Codes are stored for years and index a 32-bit mask: below 32, never renumbered. */
export const REASONS = {
  none: 0,
  retry: 1,
  repeat_click: 2,
  too_late: 3,
  unsigned: 4,
  expired: 5,
  inactive: 6,
  head: 7,
  prefetch: 8,
  declared_bot: 9,
  data_center: 10,
  impossible_agent: 11,
  context_mismatch: 12,
} as const;
export type Reason = keyof typeof REASONS;
export type ReasonCode = (typeof REASONS)[Reason];

/** Why an event was refused at the door; it reaches no shard. */
export const REJECTIONS = [
  'malformed',
  'unsupported_schema',
  'unauthorized',
  'bad_token',
  'token_mismatch',
  'unknown_ad',
  'not_allowed',
  'campaign_mismatch',
] as const;
export type Rejection = (typeof REJECTIONS)[number];

const DISPOSITION_NAMES: readonly (Disposition | undefined)[] = namesByCode(DISPOSITIONS);
const REASON_NAMES: readonly (Reason | undefined)[] = namesByCode(REASONS);

/** The name of a stored disposition; undefined for a code that nobody wrote. */
export function dispositionName(code: number): Disposition | undefined {
  return DISPOSITION_NAMES[code];
}

/** The name of a stored reason; undefined for a code that nobody wrote. */
export function reasonName(code: number): Reason | undefined {
  return REASON_NAMES[code];
}

/** Every reason in a mask (bit n = code n), in code order. */
export function reasonsIn(mask: number): Reason[] {
  return REASON_NAMES.filter((name, code): name is Reason => name !== undefined && code > 0 && (mask & (1 << code)) !== 0);
}

function namesByCode<Name extends string>(codes: Record<Name, number>): Name[] {
  const names: Name[] = [];
  for (const name of Object.keys(codes) as Name[]) names[codes[name]] = name;
  return names;
}
