import { EVENT_FLAGS } from '../../core/event.ts';
import type { Row } from '../engines/native-block.ts';
import type { World } from '../world.ts';

/**
 * Every copy of an event meets in one shard, whatever edge it came by and whatever that edge knew of the network. What a wrong clock claimed is left out: such
 * an event has the time of its receipt, another for each copy, and may straddle a change of routing.
 */
export function checkOneShard(world: World, raw: readonly Row[]): void {
  const shards = new Map<string, string>();
  for (const row of raw) {
    const flags = Number(row['flags']);
    const isTokenBound = (flags & EVENT_FLAGS.tokenBound) !== 0;
    if (!isTokenBound && (flags & EVENT_FLAGS.clockSkewed) !== 0) continue;
    const shard = String(row['shard']);
    const kind = row['kind'] === 'viewable' ? 'impression' : String(row['kind']);
    const event = [shard.split('.')[0], kind, String(row['ad_id']), String(row['event_id'])].join(' ');
    const other = shards.get(event) ?? shard;
    shards.set(event, shard);
    world.verdict.check(other === shard, 'every copy of an event meets in one shard', () => `${event} was judged by ${other} and by ${shard}`);
  }
}
