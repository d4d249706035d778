import type { BodyEvents, ParsedEvent, ParsedEventResult } from '../../schemas/event-json.ts';
import type { Grants } from '../auth/grants.ts';
import type { CatalogueView } from '../catalogue/catalogue-view.ts';
import { Dispatch, type Acknowledgement, type AddressedEvent } from '../delivery/delivery-office.ts';
import { signalsOf, type Exchange } from '../exchange.ts';
import type { RequestSignals } from '../request/signals.ts';
import { addressEvent } from './address-event.ts';
import { claimsOf } from './claims.ts';
import type { Admitted } from './door.ts';
import { eventsReply, type EventsReply } from './events-reply.ts';
import { Refusals, type WholeRefusal } from './refusals.ts';
import { RequestDoor } from './request-door.ts';

/** `unknown_ad`: go on by a newer catalogue, which may know it. `overloaded`: there is no room for the rest. */
export type Progress = 'all_in' | 'unknown_ad' | 'overloaded';

/** Takes one request's events in: each goes from its bytes through the door to its shard's batch before the next is looked at. */
export class Intake {
  readonly refusals = new Refusals();
  readonly #exchange: Exchange;
  readonly #body: BodyEvents;
  readonly #grants: Grants | null;
  readonly #signals: RequestSignals;
  readonly #dispatch: Dispatch;
  #view: CatalogueView;
  #door: RequestDoor;
  #isNewestView = false;
  #index = 0;
  /** Was read, and waits for a newer catalogue. */
  #held: ParsedEventResult | null = null;
  #unknownFields = 0;

  /** `grants`: of an ingesting key; null = each event's token must speak for it. */
  constructor(exchange: Exchange, body: BodyEvents, view: CatalogueView, grants: Grants | null) {
    this.#exchange = exchange;
    this.#body = body;
    this.#grants = grants;
    this.#signals = signalsOf(exchange);
    this.#dispatch = new Dispatch(exchange.edge.coalescer, exchange.scope);
    this.#view = view;
    this.#door = this.#doorOf(view);
  }

  /** Takes in what is left. */
  takeIn(): Progress {
    for (; this.#index < this.#body.eventCount; this.#index++) {
      const parsed = this.#held ?? this.#body.next();
      if (parsed.ok && !this.#isNewestView && !this.#view.ads.has(parsed.event.adId)) {
        this.#held = parsed;
        return 'unknown_ad';
      }
      this.#held = null;
      if (!parsed.ok) this.refusals.add(this.#index, { ...parsed, isOutsideTenant: false });
      else if (!this.#take(parsed.event)) return 'overloaded';
    }
    return 'all_in';
  }

  /** Goes on by the newest catalogue there is: what that does not know is refused. */
  turnTo(view: CatalogueView): void {
    this.#isNewestView = true;
    this.#view = view;
    this.#door = this.#doorOf(view);
  }

  /** Waits until all that came in are durable. */
  acknowledged(): Promise<Acknowledgement> {
    return this.#dispatch.acknowledged();
  }

  /** What HTTP has to say of the request as a whole, where none of it came in. */
  refusedWhole(): WholeRefusal | null {
    return this.refusals.ofWhole(this.#body.eventCount, this.#grants !== null);
  }

  reply(duplicates: number): EventsReply {
    return eventsReply({ received: this.#body.eventCount, refusals: this.refusals, duplicates, unknownFields: this.#unknownFields });
  }

  /** False when there is no room for the event. */
  #take(event: ParsedEvent): boolean {
    const admitted = this.#door.judge(event);
    if (!admitted.ok) {
      this.refusals.add(this.#index, admitted);
      return true;
    }
    this.#unknownFields += event.unknownFields;
    return this.#dispatch.add(this.#address(admitted));
  }

  #address({ event, entry, token, publisherId, receivedAtMs, source }: Admitted): AddressedEvent {
    const arrival = { claims: claimsOf(event, publisherId), entry, token, signals: this.#signals, isDirect: this.#grants === null, isUnsigned: false, receivedAtMs };
    return addressEvent(this.#exchange.edge, this.#view, arrival, source);
  }

  #doorOf({ ads, verifier }: CatalogueView): RequestDoor {
    return new RequestDoor({ ads, verifier, grants: this.#grants, nowMs: this.#exchange.scope.arrivedAtMs });
  }
}
