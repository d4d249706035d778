import type { KeyHasher } from '../../core/hash.ts';
import type { EpochMs } from '../../core/time.ts';
import { nonceText, type TokenSigner } from '../../schemas/token.ts';
import type { AdEntry } from '../catalogue/catalogue-view.ts';
import type { RandomBytes } from '../ports.ts';

/** What tokens are minted for. */
export type MintOrder = {
  readonly entry: AdEntry;
  readonly publisherId: string;
  readonly placementId: string;
  /** What the viewer's key is the hash of; '' = not known, and the nonce chooses the route. */
  readonly viewerText: string;
  readonly contextHash: number;
  readonly issuedAtMs: EpochMs;
  readonly ttlMs: number;
  /** Origin of the URLs. */
  readonly origin: string;
};

/** One nonce as its holder gets it. `token` is the one that speaks for both of its events. */
export type MintedToken = {
  readonly token: string;
  readonly impressionId: string;
  readonly impressionUrl: string;
  readonly clickUrl: string;
  readonly expiresAtMs: EpochMs;
};

const NONCE_BYTES = 16;

/** Mints one nonce and its two tokens. */
export function mintToken(order: MintOrder, by: { signer: TokenSigner; hasher: KeyHasher; random: RandomBytes }): MintedToken {
  const { entry, publisherId, placementId, contextHash, issuedAtMs, origin } = order;
  const nonce = by.random(new Uint8Array(NONCE_BYTES));
  const expiresAtMs = issuedAtMs + order.ttlMs;
  const route = order.viewerText === '' ? (nonce[0]! << 8) | nonce[1]! : by.hasher.route(by.hasher.viewer(order.viewerText));
  const says = { issuedAtMs, expiresAtMs, nonce, route, contextHash, adId: entry.ad.adId, publisherId, placementId, homeRegion: entry.homeRegion };
  const token = by.signer.sign({ ...says, purpose: 'click' });
  return {
    token,
    impressionId: nonceText(nonce),
    impressionUrl: `${origin}/v1/i/${by.signer.sign({ ...says, purpose: 'impression' })}`,
    clickUrl: `${origin}/v1/c/${token}`,
    expiresAtMs,
  };
}
