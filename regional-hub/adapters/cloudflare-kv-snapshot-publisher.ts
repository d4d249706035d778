import type { SnapshotPublisher } from '../control/snapshot-publisher.ts';

/** Where the namespace is, and the token that may write to it. */
export type CloudflareKvTarget = { readonly accountId: string; readonly namespaceId: string; readonly apiToken: string };

export type CloudflareKvDeps = {
  readonly fetch: typeof fetch;
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Told of every failure; publishing goes on. */
  readonly onFailure: (error: unknown) => void;
};

/** Edges read this key. */
export const SNAPSHOT_KV_KEY = 'snapshot';
const API = 'https://api.cloudflare.com/client/v4';
const TIMEOUT_MS = 10_000;
/** KV takes one write a second to a key; a failure waits longer each time. */
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** Writes the snapshot into a Workers KV namespace through Cloudflare's REST API; one write at a time, the newest text first. */
export class CloudflareKvSnapshotPublisher implements SnapshotPublisher {
  readonly #target: CloudflareKvTarget;
  readonly #deps: CloudflareKvDeps;
  readonly #closing = new AbortController();
  #wanted: string | null = null;
  #work: Promise<void> | null = null;

  constructor(target: CloudflareKvTarget, deps: CloudflareKvDeps) {
    this.#target = target;
    this.#deps = deps;
  }

  publish(text: string): void {
    this.#wanted = text;
    this.#work ??= this.#writeUntilDone().finally(() => (this.#work = null));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
  }

  async #writeUntilDone(): Promise<void> {
    const { signal } = this.#closing;
    let delayMs = RETRY_MIN_MS;
    while (this.#wanted !== null && !signal.aborted) {
      const text = this.#wanted;
      const isWritten = await this.#write(text);
      if (isWritten && this.#wanted === text) this.#wanted = null;
      delayMs = isWritten ? RETRY_MIN_MS : Math.min(delayMs * 2, RETRY_MAX_MS);
      if (this.#wanted !== null) await this.#deps.sleep(delayMs, signal);
    }
  }

  async #write(text: string): Promise<boolean> {
    const { accountId, namespaceId, apiToken } = this.#target;
    const url = `${API}/accounts/${accountId}/storage/kv/namespaces/${namespaceId}/values/${SNAPSHOT_KV_KEY}`;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const headers = { authorization: `Bearer ${apiToken}`, 'content-type': 'text/plain' };
      const reply = await this.#deps.fetch(url, { method: 'PUT', headers, body: text, signal });
      await reply.body?.cancel();
      if (!reply.ok) throw new Error(`Workers KV answered ${reply.status}`);
      return true;
    } catch (error) {
      this.#deps.onFailure(error);
      return false;
    }
  }
}
