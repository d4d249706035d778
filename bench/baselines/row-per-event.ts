import { DurableObject } from 'cloudflare:workers';
import type { DurableObjectState } from '@cloudflare/workers-types';

type Counter = { count(eventId: string, adId: string): Promise<boolean> };
type Env = { readonly COUNTERS: { idFromName(name: string): unknown; get(id: never): Counter } };

/** A click counter as most people write it first: one durable object, one call and one SQLite row an event. */
export class RowPerEvent extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, ad TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID');
  }

  /** True when it was new; durable once it resolves. */
  async count(eventId: string, adId: string): Promise<boolean> {
    return this.ctx.storage.sql.exec('INSERT OR IGNORE INTO events VALUES (?, ?, ?)', eventId, adId, Date.now()).rowsWritten > 0;
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (request.method !== 'POST') return new Response('ok');
    const event = (await request.json()) as { clickId: string; adId: string };
    const isNew = await env.COUNTERS.get(env.COUNTERS.idFromName(event.adId) as never).count(event.clickId, event.adId);
    return new Response(JSON.stringify({ duplicate: !isNew }), { status: isNew ? 202 : 409 });
  },
};
