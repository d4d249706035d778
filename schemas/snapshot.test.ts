import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Snapshot } from './catalogue.ts';
import { hearSnapshot, openSnapshot, sealSnapshot, signSnapshot, tellSnapshot } from './snapshot.ts';

const key = randomBytes(32);
const snapshot: Snapshot = {
  catalogueVersion: 7,
  issuedAtMs: 1_760_000_000_000,
  advertisers: [{ advertiserId: 'acme', name: 'Acme & Söhne 😀', timezone: 'Europe/Vienna' }],
  publishers: [],
  campaigns: [],
  ads: [],
  regions: ['us', 'eu'],
  shardEpochs: [{ epoch: 0, sinceMs: 0, shards: 4 }],
  saltEpochs: { 'ad-1': [{ sinceMs: 0, salts: 1 }, { sinceMs: 1_760_000_900_000, salts: 4 }] },
  keys: [],
  signingKid: 0,
  revokedKids: [3],
  dataCenterCidrs: ['192.0.2.0/24'],
};
const T = 1_760_000_123_456;
const text = signSnapshot(snapshot, key, T);
const open = (told: string, by: Uint8Array = key) => openSnapshot(hearSnapshot(told, by).sealed, by);

describe('a snapshot', () => {
  test('opens to what was signed', () => {
    expect(open(text)).toEqual(snapshot);
    expect(text).toMatch(/^v2\.1760000123456\.[\w-]{43}\.[\w-]{43}\.\{/);
  });

  test('is refused under another key, cut anywhere, or changed in any character', () => {
    expect(() => open(text, randomBytes(32))).toThrow('not told with our key');
    expect(() => openSnapshot(sealSnapshot(snapshot, key), randomBytes(32))).toThrow('not signed with our key');
    for (let i = 0; i < text.length; i++) {
      expect(() => open(text.slice(0, i))).toThrow();
      const changed = text[i] === 'A' ? 'B' : 'A';
      expect(() => open(text.slice(0, i) + changed + text.slice(i + 1)), `character ${i}`).toThrow();
    }
  });

  test('is told again without being sealed again, and tells when', () => {
    const sealed = sealSnapshot(snapshot, key);
    const again = tellSnapshot({ toldAtMs: T + 60_000, sealed }, key);
    expect(hearSnapshot(again, key)).toEqual({ toldAtMs: T + 60_000, sealed });
    expect(hearSnapshot(text, key)).toEqual({ toldAtMs: T, sealed });
  });

  test('of another telling says nothing of the time of this one', () => {
    const [version, , tag] = text.split('.');
    expect(() => hearSnapshot(`${version}.${T + 1}.${tag}.${sealSnapshot(snapshot, key)}`, key)).toThrow('not told');
    expect(() => hearSnapshot(`${version}.${T}.${tag}.${sealSnapshot({ ...snapshot, catalogueVersion: 8 }, key)}`, key)).toThrow('not told');
  });

  test.each(['', '.', '..', 'v2', 'v2.', 'v2...{}', `v1${text.slice(2)}`, `${text}\n`, 'null'])('is refused as %j, with code corrupt_bytes', (bad) => {
    expect(() => open(bad)).toThrow(expect.objectContaining({ code: 'corrupt_bytes' }));
  });
});
