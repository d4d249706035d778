import { API_KEYS } from '../hosts/catalogue.ts';
import { Life } from '../kernel/life.ts';
import type { Random } from '../kernel/random.ts';
import type { Attempt, ClientReply, ClientRequest, SentEvent } from '../truth.ts';
import type { World } from '../world.ts';

/** A client waits so long for a reply. */
const PATIENCE_MS = 15_000;

/** Somebody out there: sends requests to one POP or another, hears or does not hear, and tries again. */
export class Client {
  readonly life: Life;
  readonly random: Random;
  readonly #world: World;

  constructor(world: World, name: string) {
    this.#world = world;
    this.random = world.random.fork(name);
    this.life = new Life(name, world.scheduler);
  }

  pause(ms: number): Promise<void> {
    return this.life.sleep(ms);
  }

  /** One request, one reply; null when none came. */
  async ask(request: ClientRequest, attempt: Attempt): Promise<ClientReply | null> {
    const site = this.random.pick(this.#world.edgeSites);
    const route = { from: 'clients', to: site.name, what: `${this.life.name} asks ${attempt.number}` };
    const reply = this.#world.network.request(route, () => site.handle(request, attempt), attempt.manner !== 'none').then(
      (told) => told,
      () => null,
    );
    return Promise.race([reply, this.life.sleep(PATIENCE_MS, 'gives up').then(() => null)]);
  }

  /** Asks until somebody answers with anything but 503; each try is an attempt of its own. */
  async insist(tries: number, manner: Attempt['manner'], make: (marker: (index: number) => string) => { readonly request: ClientRequest; readonly events: readonly SentEvent[] }): Promise<ClientReply | null> {
    let reply: ClientReply | null = null;
    for (let left = tries; left > 0; left--) {
      let request: ClientRequest | undefined;
      const attempt = this.#world.truth.begin(manner, (marker) => {
        const made = make(marker);
        request = made.request;
        return made.events;
      });
      reply = await this.ask(request!, attempt);
      if (reply !== null && reply.status !== 503) return reply;
      await this.pause(this.random.delayMs(1_000));
    }
    return reply;
  }
}

/** `POST` of JSON. */
export function posting(path: string, body: unknown, key?: keyof typeof API_KEYS, more: Readonly<Record<string, string>> = {}): ClientRequest {
  const authorization = key === undefined ? {} : { authorization: `Bearer ${API_KEYS[key]}` };
  return { method: 'POST', path, headers: { 'content-type': 'application/json', ...authorization, ...more }, body: typeof body === 'string' ? body : JSON.stringify(body) };
}
