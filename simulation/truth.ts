import type { OracleEvent } from './oracle/naive-oracle.ts';

/** What was sent of one event in one request; `marker` travels with it and comes out in the raw log. */
export type SentEvent = {
  readonly marker: string;
  readonly kind: OracleEvent['kind'];
  readonly eventId: string;
  readonly adId: string;
  readonly impressionId: string;
  readonly isViewable: boolean;
  /** Of the token that speaks for it; null = none does. */
  readonly token: Token | null;
  /** null = its edge's clock says when. */
  readonly claimedAtMs: number | null;
  readonly isScreened: boolean;
  /** Who did it, as far as we are told; '' = nobody may know. Browsers without a pseudonym are others each day. */
  readonly identity: string;
};

/** A token in a publisher's hands. */
export type Token = {
  readonly text: string;
  readonly nonce: string;
  readonly adId: string;
  readonly clickPath: string;
  readonly impressionPath: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly pseudonym: string;
};

/** A request as a client sends it. */
export type ClientRequest = { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: string | null };
export type ClientReply = { readonly status: number; readonly location: string; readonly body: string };

/** One HTTP request. `awaited`: its reply says that all is durable. `promised`: it is answered whatever happens. */
export type Attempt = {
  readonly number: number;
  readonly manner: 'awaited' | 'promised' | 'none';
  readonly events: readonly SentEvent[];
  /** How often it reached an edge: the network repeats. */
  deliveries: number;
  /** Replies that acknowledged its events. */
  acknowledgements: number;
};

/** What the world's clients know: what they sent and what they were told. Nothing of it comes from the system but its replies. */
export class Truth {
  readonly attempts: Attempt[] = [];
  readonly events = new Map<string, SentEvent>();
  /** Rows that were durable in some shard, by marker. */
  readonly durable = new Map<string, number>();
  /** By marker, how often a shard began to record it for an edge, and how often a spill queue took it. */
  readonly recorded = new Map<string, number>();
  readonly held = new Map<string, number>();
  /** Events that a reset of their shard's storage took along. */
  readonly forgiven = new Set<string>();
  /** Shards whose storage was lost: what they knew went with it. */
  readonly resetShards = new Set<string>();
  /** By isolate: promised events that it answered for. */
  readonly promisedBy = new Map<string, string[]>();

  begin(manner: Attempt['manner'], describe: (marker: (index: number) => string) => readonly SentEvent[]): Attempt {
    const number = this.attempts.length;
    const events = describe((index) => `s${number}.${index}`);
    const attempt: Attempt = { number, manner, events, deliveries: 0, acknowledgements: 0 };
    this.attempts.push(attempt);
    for (const event of events) this.events.set(event.marker, event);
    return attempt;
  }

  promised(isolate: string, attempt: Attempt): void {
    const markers = this.promisedBy.get(isolate) ?? [];
    this.promisedBy.set(isolate, markers);
    for (const event of attempt.events) markers.push(event.marker);
  }
}
