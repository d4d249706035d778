import { TrackingError } from '../core/errors.ts';
import { keepAlive } from '../core/keep-alive.ts';
import { edgeApp } from './app.ts';
import { readConfig, type EdgeSettings } from './config.ts';
import { createEdge, type Edge } from './edge.ts';
import type { RequestScope } from './ports.ts';
import { refusal } from './replies.ts';
import type { Soon } from './soon.ts';
import { shardDoor, spillDoor, type ShardNamespace, type SpillNamespace } from './shard-namespace.ts';

export { AdShard } from '../durable-objects/ad-shard.ts';
export { SpillQueue } from '../durable-objects/spill-queue.ts';

/** What the host gives the worker. */
export type EdgeEnv = EdgeSettings & {
  readonly SHARDS: ShardNamespace;
  readonly SPILL: SpillNamespace;
  /** Key `snapshot`: text of schemas/snapshot.ts. */
  readonly CATALOGUE: { get(key: string): Promise<string | null> };
};

type RequestContext = { waitUntil(work: Promise<unknown>): void };
/** workerd's own timers: they belong to the request at hand. */
declare const scheduler: { wait(durationMs: number): Promise<void> };
declare const Cloudflare: { readonly compatibilityFlags: Readonly<Record<string, boolean>> } | undefined;

const SNAPSHOT_NAME = 'snapshot';
/** On by default since 2024-10-14; test runners turn it off. */
const canBeWoken = typeof Cloudflare !== 'undefined' && Cloudflare.compatibilityFlags['handle_cross_request_promise_resolution'] === true;
const clock = { nowMs: () => Date.now() };
/** One edge per isolate: an isolate has one `env`. */
const edges = new WeakMap<EdgeEnv, Edge>();

export default {
  fetch(request: Request, env: EdgeEnv, context: RequestContext): Soon<Response> {
    const answer = (edge: Edge): Soon<Response> => edgeApp.fetch(request, { edge, scope: new WorkerScope(context) });
    const edge = edges.get(env);
    return edge === undefined ? openEdge(env).then(answer, misconfigured) : answer(edge);
  },
};

/** Requests that come together at the very start may each build an edge: none waits for another's promise, and the first to end is kept. */
async function openEdge(env: EdgeEnv): Promise<Edge> {
  const config = readConfig(env);
  const edge = await createEdge(config, {
    shards: shardDoor(env.SHARDS),
    spill: spillDoor(env.SPILL, config.tallyRegion),
    snapshots: { read: () => env.CATALOGUE.get(SNAPSHOT_NAME) },
    random: (bytes) => crypto.getRandomValues(bytes),
    log,
  });
  const first = edges.get(env) ?? edge;
  edges.set(env, first);
  return first;
}

class WorkerScope implements RequestScope {
  readonly arrivedAtMs = clock.nowMs();
  readonly clock = clock;
  readonly canBeWoken = canBeWoken;
  readonly #context: RequestContext;

  constructor(context: RequestContext) {
    this.#context = context;
  }

  sleep(durationMs: number): Promise<void> {
    return scheduler.wait(durationMs);
  }

  after(durationMs: number, work: () => void): void {
    keepAlive('timer', setTimeout(work, durationMs));
  }

  waitUntil(work: Promise<unknown>): void {
    this.#context.waitUntil(work);
  }
}

/** Every route answers so until an operator mends the setting; its name is told, its value never. */
function misconfigured(cause: unknown): Response {
  const message = cause instanceof TrackingError ? cause.message : 'the edge could not start';
  log(`bad configuration: ${message}`);
  return refusal(503, 'bad_configuration', message, { 'retry-after': '60' });
}

function log(message: string): void {
  console.error(JSON.stringify({ level: 'error', part: 'edge', message }));
}
