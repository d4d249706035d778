import { ARRIVAL_DISORDER_MS, NO_WINDOWS, retentionMs, TOKEN_LIFE_MS_MAX } from '../../core/memory/retention.ts';
import { CLOCK_SKEW_MS } from '../../core/time.ts';
import { MAX_TTL_MS } from '../../schemas/nonce-order.ts';
import { MAX_TOKEN_TTL_MS } from '../../schemas/token.ts';
import type { Verdict } from '../violation.ts';

/** A shard remembers a token's id for as long as any copy of it can be accepted: its life, both clocks' skew and the longest hold on the way. */
export function checkLifetimes(verdict: Verdict): void {
  const lifetimeMs = retentionMs('ids', NO_WINDOWS);
  verdict.check(lifetimeMs >= MAX_TOKEN_TTL_MS + 2 * CLOCK_SKEW_MS + ARRIVAL_DISORDER_MS, 'dedup lifetime ≥ token life + 2·skew + hold', () => `${lifetimeMs} ms`);
  verdict.check(TOKEN_LIFE_MS_MAX >= MAX_TOKEN_TTL_MS && MAX_TOKEN_TTL_MS >= MAX_TTL_MS, 'dedup lifetime ≥ token life + 2·skew + hold', () => 'a token may be ordered that lives longer than it is remembered');
}
