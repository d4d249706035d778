import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { TokenSigner } from '../../schemas/token.ts';

/** A token lives as long as it may. */
const TTL_MS = 86_400_000;

export type ClickOptions = { readonly signer: TokenSigner; readonly count: number; readonly ads: number; readonly salts?: number };

/** Paths of clicks, each with a token and a viewer of its own: every one of them counts. */
export function clickPaths({ signer, count, ads, salts = 1 }: ClickOptions): string[] {
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
      contextHash: 0,
      viewer,
      adId: `ad-${i % ads}`,
      publisherId: 'pub-1',
      placementId: 'top',
      homeRegion: 'us',
    })}`;
  });
}

/** One a line, as `paths.lua` reads them. */
export function writePaths(file: string, paths: readonly string[]): string {
  writeFileSync(file, paths.join('\n'));
  return file;
}
