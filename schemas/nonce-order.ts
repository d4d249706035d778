import { isId } from '../core/ids.ts';
import { DAY_MS, SECOND_MS } from '../core/time.ts';
import { MAX_USER_ID_CHARS } from './event-json/field-reader.ts';
import { hasUnexpandedMacro } from './event-json/macros.ts';

/** What a publisher orders. */
export type NonceOrder = {
  readonly adId: string;
  readonly publisherId: string;
  readonly placementId: string;
  readonly userPseudoId: string;
  readonly count: number;
  readonly ttlMs: number;
};

export type ParsedNonceOrder = { readonly ok: true; readonly order: NonceOrder } | { readonly ok: false; readonly message: string };

export const MAX_TOKENS_PER_ORDER = 100;
export const MIN_TTL_MS = SECOND_MS;
export const MAX_TTL_MS = DAY_MS;

/** Reads the body of `POST /v1/nonces`, in either spelling. Source: DESIGN §3. */
export function parseNonceOrder(text: string): ParsedNonceOrder {
  const fields = parseObject(text);
  if (fields === null) return { ok: false, message: 'the body is not a JSON object' };
  const given = (camel: string, snake: string): unknown => fields[camel] ?? fields[snake] ?? undefined;
  const adId = given('adId', 'ad_id');
  const publisherId = given('publisherId', 'publisher_id');
  const placementId = given('placementId', 'placement_id') ?? '';
  const userPseudoId = given('userPseudoId', 'user_pseudo_id') ?? '';
  const count = given('count', 'count') ?? 1;
  const ttlMs = given('ttlMs', 'ttl_ms') ?? MAX_TTL_MS;
  if (!isId(adId)) return { ok: false, message: 'adId must be an id' };
  if (!isId(publisherId)) return { ok: false, message: 'publisherId must be an id' };
  if (placementId !== '' && !isId(placementId)) return { ok: false, message: 'placementId must be an id' };
  if (typeof userPseudoId !== 'string' || userPseudoId.length > MAX_USER_ID_CHARS) return { ok: false, message: `userPseudoId must be a string of up to ${MAX_USER_ID_CHARS} characters` };
  if (!isWholeIn(count, 1, MAX_TOKENS_PER_ORDER)) return { ok: false, message: `count must be a whole number from 1 to ${MAX_TOKENS_PER_ORDER}` };
  if (!isWholeIn(ttlMs, MIN_TTL_MS, MAX_TTL_MS)) return { ok: false, message: `ttlMs must be a whole number from ${MIN_TTL_MS} to ${MAX_TTL_MS}` };
  const viewer = hasUnexpandedMacro(userPseudoId) ? '' : userPseudoId;
  return { ok: true, order: { adId, publisherId, placementId, userPseudoId: viewer, count, ttlMs } };
}

function isWholeIn(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
