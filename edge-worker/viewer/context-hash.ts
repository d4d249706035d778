import type { KeyHasher } from '../../core/hash.ts';

/** What a token minted for a browser is bound to: 32 bits of its prefix and agent, never 0 (which says unbound). */
export function contextHash(hasher: KeyHasher, context: { ipPrefix: string; agent: string }): number {
  return hasher.viewer(`c/${context.ipPrefix}/${context.agent}`).lo || 1;
}
