import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { shardName } from '../../core/routing.ts';
import { ShardNames } from './shard-names.ts';

test('a remembered name is the address\'s own, whatever was asked for before', () => {
  const address = fc.record({
    source: fc.constantFrom('live' as const, 'replay' as const),
    homeRegion: fc.constantFrom('us', 'eu'),
    slot: fc.record({ epoch: fc.nat({ max: 1 }), shard: fc.nat({ max: 1 }) }),
    route: fc.nat({ max: 65_535 }),
    salts: fc.constantFrom(1, 2, 100),
  });
  fc.assert(
    fc.property(fc.array(address, { maxLength: 60 }), (addresses) => {
      const names = new ShardNames();
      for (const one of addresses) expect(names.nameOf(one)).toBe(shardName(one));
    }),
  );
  expect(() => new ShardNames().nameOf({ source: 'live', homeRegion: 'us', slot: { epoch: 0, shard: 0 }, route: 1, salts: 0 })).toThrow('at least one salt');
});
