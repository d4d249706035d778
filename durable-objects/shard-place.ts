import { TrackingError } from '../core/errors.ts';
import { SOURCES } from '../core/routing.ts';
import type { Source } from '../core/routing.ts';

/** Where a shard stands, read from its name: what every frame says of itself. */
export type ShardPlace = { readonly shard: string; readonly source: Source; readonly region: string };

/** Also matches the shards that hold nothing but an edge's tallies: their number is a word. */
const NAME_PATTERN = /^([a-z]+)\.([A-Za-z0-9_.:-]{1,64})\.e\d+\.[a-z0-9]+\.\d+$/;

/** The place that a shard's name stands for. Throws `bad_configuration` for a name that no edge gives. */
export function shardPlace(name: string | undefined): ShardPlace {
  const [, sourceName, region] = NAME_PATTERN.exec(name ?? '') ?? [];
  const source = SOURCES.find((known) => known === sourceName);
  if (name === undefined || source === undefined || region === undefined) {
    throw new TrackingError('bad_configuration', `not a shard's name: ${name ?? '(none: address shards by name)'}`);
  }
  return { shard: name, source, region };
}
