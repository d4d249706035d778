import type { ParsedEvent } from '../../schemas/event-json.ts';
import type { Grants } from '../auth/grants.ts';
import type { CatalogueView } from '../catalogue/catalogue-view.ts';
import type { AddressedEvent } from '../delivery/delivery-office.ts';
import { eventTools } from '../edge.ts';
import { signalsOf, type Exchange } from '../exchange.ts';
import { claimsOf } from './claims.ts';
import type { Refused } from './door.ts';
import { draftEvent } from './draft-event.ts';
import { RequestDoor } from './request-door.ts';
import { shardOf } from './shard-of.ts';

/** An event that came in, ready to go to its shard. */
export type Received = AddressedEvent & { readonly ok: true };

/** Takes the events of one request in, one after another: the door, then what is known of the event, then its shard. */
export class Reception {
  readonly #exchange: Exchange;
  readonly #grants: Grants | null;
  readonly #signals: ReturnType<typeof signalsOf>;
  #view: CatalogueView;
  #door: RequestDoor;

  /** `grants`: of an ingesting key; null = each event's token must speak for it. */
  constructor(exchange: Exchange, view: CatalogueView, grants: Grants | null) {
    this.#exchange = exchange;
    this.#grants = grants;
    this.#signals = signalsOf(exchange);
    this.#view = view;
    this.#door = this.#doorOf(view);
  }

  /** Goes on by a newer catalogue. */
  turnTo(view: CatalogueView): void {
    this.#view = view;
    this.#door = this.#doorOf(view);
  }

  /** Whether the catalogue at hand has the event's ad. */
  knows(event: ParsedEvent): boolean {
    return this.#view.ads.has(event.adId);
  }

  receive(parsed: ParsedEvent): Received | Refused {
    const admitted = this.#door.judge(parsed);
    if (!admitted.ok) return admitted;
    const { edge } = this.#exchange;
    const { entry, token, publisherId, receivedAtMs, source } = admitted;
    const arrival = { claims: claimsOf(parsed, publisherId), entry, token, signals: this.#signals, isDirect: this.#grants === null, isUnsigned: false, receivedAtMs };
    const event = draftEvent(arrival, eventTools(edge, this.#view));
    const { shard, homeRegion } = shardOf(event, { source, entry, token, hasher: edge.hasher, epochs: this.#view.shardEpochs });
    return { ok: true, event, shard, homeRegion };
  }

  #doorOf({ ads, verifier }: CatalogueView): RequestDoor {
    return new RequestDoor({ ads, verifier, grants: this.#grants, nowMs: this.#exchange.scope.arrivedAtMs });
  }
}
