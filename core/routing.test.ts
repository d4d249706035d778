import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { epochAt, parseShardName, shardName, slotAt, SOURCES } from './routing.ts';

// epochs      0 (4 shards)      │ 1 (8 shards)
// time (ms)   0 ─────────── 999 │ 1000 ────────
const EPOCHS = [
  { epoch: 0, sinceMs: 0, shards: 4 },
  { epoch: 1, sinceMs: 1_000, shards: 8 },
];
const ADDRESS = { source: 'live', homeRegion: 'us', slot: slotAt(EPOCHS, 13, 999), route: 7, salts: 4 } as const;

describe('a shard', () => {
  test('is named after source, home region, epoch, shard and salt', () => {
    expect(shardName(ADDRESS)).toBe('live.us.e0.1.3');
    expect(shardName({ ...ADDRESS, source: 'replay', salts: 1, slot: slotAt(EPOCHS, 13, 1_000) })).toBe('replay.us.e1.5.0');
  });

  test('is found by the epoch of the issue time, so that resharding never splits a token', () => {
    expect(epochAt(EPOCHS, 999).epoch).toBe(0);
    expect(epochAt(EPOCHS, 1_000).epoch).toBe(1);
    expect(epochAt(EPOCHS.toReversed(), 5_000).epoch).toBe(1);
  });

  test('of a time before all epochs belongs to the first', () => {
    expect(epochAt(EPOCHS.toReversed(), -5).epoch).toBe(0);
  });

  test('is not named without an epoch, a shard or a salt', () => {
    expect(() => epochAt([], 0)).toThrow('assertion failed');
    expect(() => shardName({ ...ADDRESS, salts: 0 })).toThrow('assertion failed');
    expect(() => slotAt([{ epoch: 0, sinceMs: 0, shards: 0 }], 13, 0)).toThrow('assertion failed');
  });
});

describe('a shard name', () => {
  test('parses to its parts, whatever the region is called', () => {
    const region = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);
    const count = fc.integer({ min: 1, max: 1_000 });
    fc.assert(
      fc.property(fc.constantFrom(...SOURCES), region, fc.nat({ max: 2 ** 32 - 1 }), fc.nat({ max: 65_535 }), count, count, (source, homeRegion, adHash, route, shards, salts) => {
        const name = shardName({ source, homeRegion, slot: slotAt([{ epoch: 3, sinceMs: 0, shards }], adHash, 0), route, salts });
        expect(parseShardName(name)).toEqual({ source, homeRegion, epoch: 3, shard: adHash % shards, salt: route % salts });
      }),
    );
  });

  test('of anybody else is refused', () => {
    for (const text of ['', 'live.us.e0.1', 'dead.us.e0.1.2', 'live..e0.1.2', 'live.us.e0.01.2', 'live.us.e-1.1.2', 'live.us.e0.1.2\n', 'live.u/s.e0.1.2', 'live.us.e0.1.9999999999']) {
      expect(parseShardName(text), text).toBeUndefined();
    }
  });
});
