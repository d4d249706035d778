import type { World } from '../world.ts';
import { browse } from './browsing.ts';
import { Client, posting } from './client.ts';
import { importHistory, report } from './reporting.ts';

/** Stories an hour: enough that people meet, few enough that thousands of hours can be lived through. */
const BROWSINGS = 36;
const REPORTS = 10;
const IMPORTS = 1;

/** Plans all traffic of the chaotic hours; `left` counts stories that have not ended. */
export class Traffic {
  #left = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    const hours = world.chaosMs / 3_600_000;
    this.#plan('person', Math.ceil(BROWSINGS * hours), (client) => browse(client));
    this.#plan('server', Math.ceil(REPORTS * hours), (client) => report(client, world));
    this.#plan('import', Math.ceil(IMPORTS * hours), (client) => importHistory(client, world));
    this.#plan('junk', Math.ceil(2 * hours), sendJunk);
  }

  get left(): number {
    return this.#left;
  }

  #plan(kind: string, count: number, story: (client: Client) => Promise<void>): void {
    const { random, scheduler, chaosMs, verdict } = this.#world;
    const own = random.fork(`traffic ${kind}`);
    for (let i = 0; i < count; i++) {
      const client = new Client(this.#world, `${kind}-${i}`);
      this.#left++;
      const over = (): void => void this.#left--;
      scheduler.after(Math.floor(own.next() * chaosMs), `${kind}-${i} begins`, () => {
        story(client).then(over, (cause: unknown) => verdict.fail('the simulation itself works', `${kind}-${i}: ${cause instanceof Error ? cause.stack : String(cause)}`));
      });
    }
  }
}

/** Bodies and keys that are refused at the door. */
async function sendJunk(client: Client): Promise<void> {
  const request = client.random.pick([posting('/v1/events', '{"events":'), posting('/v1/events', { eventType: 'click', adId: 'ad-cpc' }), posting('/v1/events', { events: [{ eventType: 'nothing' }] }, 'ingest')]);
  await client.insist(2, 'none', () => ({ request, events: [] }));
}
