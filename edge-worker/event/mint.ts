import { isNoKey, type Key64 } from '../../core/event.ts';
import type { KeyHasher } from '../../core/hash.ts';
import { slotAt, type ShardEpoch } from '../../core/routing.ts';
import type { EpochMs } from '../../core/time.ts';
import { CLICK_LINK, IMPRESSION_LINK } from '../../schemas/edge-routes.ts';
import { nonceText, type TokenSigner } from '../../schemas/token.ts';
import type { AdEntry } from '../catalogue/catalogue-view.ts';
import type { RandomBytes } from '../ports.ts';

/** What tokens are minted for. */
export type MintOrder = {
  readonly entry: AdEntry;
  /** Shard counts by time, as the network last announced them. */
  readonly shardEpochs: readonly ShardEpoch[];
  readonly publisherId: string;
  readonly placementId: string;
  /** Rides in the token, and chooses its route. NO_KEY = not known: the nonce chooses, and whoever uses the token is the viewer. */
  readonly viewer: Key64;
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
  const { entry, publisherId, placementId, viewer, contextHash, issuedAtMs, origin } = order;
  const nonce = by.random(new Uint8Array(NONCE_BYTES));
  const expiresAtMs = issuedAtMs + order.ttlMs;
  const route = isNoKey(viewer) ? (nonce[0]! << 8) | nonce[1]! : by.hasher.route(viewer);
  const says = { issuedAtMs, expiresAtMs, nonce, route, salts: entry.ad.salts, slot: slotAt(order.shardEpochs, entry.adHash, issuedAtMs), contextHash, viewer, adId: entry.ad.adId, publisherId, placementId, homeRegion: entry.homeRegion };
  const token = by.signer.sign({ ...says, purpose: 'click' });
  return {
    token,
    impressionId: nonceText(nonce),
    impressionUrl: `${origin}${IMPRESSION_LINK}${by.signer.sign({ ...says, purpose: 'impression' })}`,
    clickUrl: `${origin}${CLICK_LINK}${token}`,
    expiresAtMs,
  };
}
