import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Snapshot } from './catalogue.ts';
import { openSnapshot, signSnapshot } from './snapshot.ts';

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
  keys: [],
  signingKid: 0,
  revokedKids: [3],
  dataCenterCidrs: ['192.0.2.0/24'],
};
const text = signSnapshot(snapshot, key);

describe('a snapshot', () => {
  test('opens to what was signed', () => {
    expect(openSnapshot(text, key)).toEqual(snapshot);
    expect(text).toMatch(/^v1\.[\w-]{43}\.\{/);
  });

  test('is refused under another key, cut anywhere, or changed in any character', () => {
    expect(() => openSnapshot(text, randomBytes(32))).toThrow('not signed with our key');
    for (let i = 0; i < text.length; i++) {
      expect(() => openSnapshot(text.slice(0, i), key)).toThrow();
      const changed = text[i] === 'A' ? 'B' : 'A';
      expect(() => openSnapshot(text.slice(0, i) + changed + text.slice(i + 1), key), `character ${i}`).toThrow();
    }
  });

  test.each(['', '.', '..', 'v1', 'v1.', 'v1..{}', `v2${text.slice(2)}`, `${text}\n`, 'null'])('is refused as %j, with code corrupt_bytes', (bad) => {
    expect(() => openSnapshot(bad, key)).toThrow(expect.objectContaining({ code: 'corrupt_bytes' }));
  });
});
