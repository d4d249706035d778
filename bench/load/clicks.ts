import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { adHash } from '../../core/hash.ts';
import { encodeEvents } from '../../schemas/event-binary/encode.ts';
import { BINARY_EVENTS_MEDIA_TYPE } from '../../schemas/event-json.ts';
import { nonceText, type TokenSigner, type TokenVerifier } from '../../schemas/token.ts';
import { inRuns } from './events.ts';

/** A token lives as long as it may. */
const TTL_MS = 86_400_000;

export type ClickOptions = { readonly signer: TokenSigner; readonly count: number; readonly ads: number; readonly salts?: number; readonly shards?: number };

/** Paths of clicks, each with a token and a viewer of its own: every one of them counts. */
export function clickPaths({ signer, count, ads, salts = 1, shards = 4 }: ClickOptions): string[] {
  const issuedAtMs = Date.now();
  const random = randomBytes(count * 24);
  return Array.from({ length: count }, (_, i) => {
    const nonce = new Uint8Array(random.subarray(i * 24, i * 24 + 16));
    const viewer = { lo: random.readUInt32LE(i * 24 + 16), hi: random.readUInt32LE(i * 24 + 20) };
    return `/v1/c/${signer.sign({
      purpose: 'click',
      issuedAtMs,
      expiresAtMs: issuedAtMs + TTL_MS,
      nonce,
      route: viewer.hi >>> 16,
      salts,
      slot: { epoch: 0, shard: adHash(`ad-${i % ads}`) % shards },
      contextHash: 0,
      viewer,
      adId: `ad-${i % ads}`,
      publisherId: 'pub-1',
      placementId: 'top',
      homeRegion: 'us',
    })}`;
  });
}

/** Tells the shards of the impressions that the clicks follow, so that each click finds its own, as nearly all do. */
export async function sendImpressionsOf(paths: readonly string[], edge: { readonly url: string; readonly verifier: TokenVerifier }): Promise<void> {
  for (const run of inRuns(paths, MAX_EVENTS)) {
    const events = run.map((path) => {
      const verified = edge.verifier.verify(path.slice('/v1/c/'.length), 'click');
      if (!verified.ok) throw new Error(`a token of our own is ${verified.why}`);
      const { nonce, adId, publisherId } = verified.token;
      return { eventType: 'impression', impressionId: nonceText(nonce), adId, publisherId, token: path.slice('/v1/c/'.length) };
    });
    const headers = { 'content-type': BINARY_EVENTS_MEDIA_TYPE };
    const reply = await fetch(`${edge.url}/v1/events`, { method: 'POST', headers, body: encodeEvents(events) });
    const { accepted } = (await reply.json()) as { accepted?: number };
    if (accepted !== events.length) throw new Error(`${accepted ?? reply.status} of ${events.length} impressions were accepted`);
  }
}

/** Events of one request, at most. */
const MAX_EVENTS = 1_000;

/** One a line, as `paths.lua` reads them. */
export function writePaths(file: string, paths: readonly string[]): string {
  writeFileSync(file, paths.join('\n'));
  return file;
}
