import { DurableObject } from 'cloudflare:workers';
import type { DurableObjectState, ExecutionContext } from '@cloudflare/workers-types';

type Log = { append(rows: Uint8Array): Promise<void> };
type Env = { readonly COUNTERS: { idFromName(name: string): unknown; get(id: never): Log } };
/** workerd's own timer: it belongs to the request at hand. */
declare const scheduler: { wait(durationMs: number): Promise<void> };

/** A carrier that has not left by now died with its request, as at the end of a load. */
const CARRIER_LIFE_MS = 100;
/** As our coalescer has it: calls begin so far apart, and further while one is out, unless there is enough for one. */
const CALL_SPACING_MS = 5;
const SECOND_CALL_AFTER_MS = 10;
const FULL_CALL_BYTES = 16_384;
const LOOK_EVERY_MS = 1;
const WAIT_MAX_MS = 1_000;
const ROWS_KEPT = 100;

/** A row for each call; the oldest go, as they do once a hub has them. */
export class CommitOnly extends DurableObject<Env> {
  #rows = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS log (row INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
  }

  /** Durable once it resolves. */
  async append(bytes: Uint8Array): Promise<void> {
    this.ctx.storage.sql.exec('INSERT INTO log VALUES (?, ?)', ++this.#rows, bytes);
    if (this.#rows % ROWS_KEPT === 0) this.ctx.storage.sql.exec('DELETE FROM log WHERE row < ?', this.#rows);
  }
}

type Batch = { readonly bodies: Uint8Array[]; readonly waiters: (() => void)[]; readonly openedAtMs: number; bytes: number };
let open: Batch | null = null;
let calledAtMs = 0;
let isCalling = false;

/**
 * What an answer costs at the least that waits for its commit: requests which come together share a call and a row, nothing of them is looked at, and
 * nothing leaves for a hub. A GET is redirected; a POST's body is the row.
 */
export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const isPost = request.method === 'POST';
    const body = isPost ? new Uint8Array(await request.arrayBuffer()) : new TextEncoder().encode(request.url);
    await committed(body, env, context);
    return isPost ? new Response('{"received":1,"accepted":1}', { status: 202 }) : new Response(null, { status: 302, headers: { location: 'https://shop.example/landing' } });
  },
};

function committed(body: Uint8Array, env: Env, context: ExecutionContext): Promise<void> {
  if (open === null || Date.now() - open.openedAtMs > CARRIER_LIFE_MS) {
    open = { bodies: [], waiters: [], openedAtMs: Date.now(), bytes: 0 };
    context.waitUntil(carry(open, env));
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  open.bodies.push(body);
  open.bytes += body.length;
  open.waiters.push(resolve);
  // A request that has nothing of its own to wait for is ended by the runtime.
  setTimeout(resolve, WAIT_MAX_MS);
  return promise;
}

async function carry(batch: Batch, env: Env): Promise<void> {
  // Everything that arrives in this turn of the loop comes along.
  await Promise.resolve();
  while (!mayLeave(batch)) await scheduler.wait(LOOK_EVERY_MS);
  calledAtMs = Date.now();
  isCalling = true;
  if (open === batch) open = null;
  await env.COUNTERS.get(env.COUNTERS.idFromName('log') as never).append(joined(batch));
  isCalling = false;
  for (const wake of batch.waiters) wake();
}

function mayLeave(batch: Batch): boolean {
  return batch.bytes >= FULL_CALL_BYTES || Date.now() - calledAtMs >= (isCalling ? SECOND_CALL_AFTER_MS : CALL_SPACING_MS);
}

function joined(batch: Batch): Uint8Array {
  const bytes = new Uint8Array(batch.bytes);
  let at = 0;
  for (const body of batch.bodies) {
    bytes.set(body, at);
    at += body.length;
  }
  return bytes;
}
