import { HubRound, outcomeOf, type HubClient, type SendOutcome } from '../../durable-objects/hub-client.ts';
import { ShardKeeper } from '../../durable-objects/shard-keeper.ts';
import { shardPlace } from '../../durable-objects/shard-place.ts';
import { SpillKeeper } from '../../durable-objects/spill-keeper.ts';
import { signFlush } from '../../regional-hub/intake/signature.ts';
import type { ObjectContext, Objects } from '../engines/objects.ts';
import type { Watch } from '../invariants/watch.ts';
import type { Setting } from '../setting.ts';
import { FLUSH_KEY, siteOf } from './catalogue.ts';
import type { HubSite } from './hub-site.ts';

/** What objects have around them. */
type ObjectWorld = Setting & { readonly shards: Objects<ShardKeeper>; readonly watch: Watch; hub(name: string): HubSite };

/** As the client that speaks HTTP: a hub that is silent for so long will not answer. */
const SEND_TIMEOUT_MS = 10_000;

/** Memory so small that checkpoints, cold pages and recoveries from them happen within minutes. */
const TINY_MEMORY = { entriesMax: 24, waitingClicksMax: 3, checkpointEntries: 12, filterBytesMax: 200 } as const;
const ROOMY_MEMORY = { entriesMax: 100_000, waitingClicksMax: 1_000, checkpointEntries: 64, filterBytesMax: 100_000 } as const;

/** One life of a shard: its real keeper over modelled storage, network and hub. */
export function shardCode(world: ObjectWorld, context: ObjectContext): ShardKeeper {
  const { name, random, clock, session } = context;
  const place = shardPlace(name);
  if (world.shards.read(name)('SELECT 1 FROM pages LIMIT 1').length > 0) world.probes.sometimes('memory was recovered from its pages');
  const post = (url: string, frame: Uint8Array) => postFrame(world, context, url, frame);
  const hub: HubClient = new HubRound(world.hubNames, post);
  return new ShardKeeper({
    sql: world.plant.sql?.(session) ?? session,
    place,
    hub: world.plant.hubClient?.(hub) ?? hub,
    nowMs: () => clock.nowMs(),
    random: () => random.next(),
    memoryLimits: world.isMemoryTiny ? TINY_MEMORY : ROOMY_MEMORY,
    setAlarm: context.setAlarm,
    abort: context.abort,
    log: (what, cause) => world.watch.broken(name, what, cause),
  });
}

/** One life of a spill queue. */
export function spillCode(world: ObjectWorld, context: ObjectContext): SpillKeeper {
  const { name, life, random, clock, session } = context;
  const handOver = world.plant.handOver ?? ((call: Promise<void>) => call);
  return new SpillKeeper({
    sql: session,
    id: name,
    nowMs: () => clock.nowMs(),
    random: () => random.next(),
    setAlarm: context.setAlarm,
    recordOnce: (shard, ticket, batch) => {
      const route = { from: `objects-${name.split('.')[1]}`, to: siteOf(shard), what: `${name} hands ${ticket.seq} to ${shard}` };
      const serve = () =>
        world.shards.call(shard, (keeper) => {
          world.watch.handedOver(ticket.queue, ticket.seq, batch);
          keeper.recordOnce(ticket, batch);
        });
      return life.hear(handOver(world.network.request(route, serve, true)));
    },
    within: (limitMs, call) => Promise.race([call, life.sleep(limitMs, 'waits').then(() => 'late' as const)]),
    log: (what, cause) => world.watch.broken(name, what, cause),
  });
}

/** What leaves an object waits until all that it wrote is durable, as the runtime has it. */
async function postFrame(world: ObjectWorld, { name, life, session, clock }: ObjectContext, hub: string, frame: Uint8Array): Promise<SendOutcome> {
  await life.hear(session.flushed());
  world.watch.sent(frame);
  const signature = signFlush(FLUSH_KEY, frame, clock.nowMs());
  const route = { from: siteOf(name), to: hub, what: `${name} flushes` };
  const post = world.network.request(route, () => world.hub(hub).flush(frame, signature), true).then(
    ({ status, body }) => outcomeOf(status, body),
    (cause: unknown): SendOutcome => ({ kind: 'failed', message: String(cause) }),
  );
  const timeout = life.sleep(SEND_TIMEOUT_MS, 'gives up on its hub').then((): SendOutcome => ({ kind: 'failed', message: 'timeout' }));
  return life.hear(Promise.race([post, timeout]));
}
