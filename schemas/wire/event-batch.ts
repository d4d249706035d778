import { assert } from '../../core/errors.ts';
import { EVENT_KINDS } from '../../core/event.ts';
import type { AdTerms, EdgeTally, EventDetail, TrackedEvent } from '../../core/event.ts';
import type { CellDimensions } from '../../core/judgement/judgement.ts';
import { AD_TERMS_FIELDS, writeAdTerms } from './ad-terms.ts';
import type { ByteReader } from './byte-reader.ts';
import { ByteWriter, type OwnedBytes, varintBytes } from './byte-writer.ts';
import { EVENT_BATCH_VERSION, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_DICTIONARY, openBatch } from './event-batch-parts.ts';
import { BODY_FIELDS, readClickId, readDetail, readEventId, writeBody } from './event-body.ts';
import { EventColumns } from './event-columns.ts';
import { HEADER, HEADER_BYTES, REASON_LIMIT, isEpochMs, packCountry, writeHeader } from './event-header.ts';

/** Texts of bodies share the dictionary up to here; the rest is kept for the ids that headers can only name by index. */
const MAX_SHARED_TEXTS = 16_384;
/** Publisher, placement, creative; region and rejection of a tally. */
const STRINGS_AN_EVENT = 5;
/** Far more than one event with its ad and all its texts can take. */
const ROOM_FOR_AN_EVENT_BYTES = 65_536;

/** Collects events in order of arrival. After `finish`, `clear` makes it ready for the next batch, with the room that it has. */
export class EventBatchWriter {
  readonly #ads = new ByteWriter();
  readonly #adIndices = new Map<string, number>();
  readonly #strings = new ByteWriter();
  readonly #stringIndices = new Map<string, number>([['', 0]]);
  readonly #tallies = new ByteWriter(64);
  #tallyCount = 0;
  readonly #headers = new ByteWriter(HEADER_BYTES * 8);
  readonly #bodies = new ByteWriter(512);
  #eventCount = 0;
  readonly #shared = (text: string): number => this.#stringIndices.get(text) ?? (this.#stringIndices.size < MAX_SHARED_TEXTS ? this.#string(text) : 0);

  get eventCount(): number {
    return this.#eventCount;
  }

  /** Length of what `finish` would give now. */
  get byteLength(): number {
    const counts = varintBytes(this.#adIndices.size) + varintBytes(this.#stringIndices.size - 1) + varintBytes(this.#tallyCount) + varintBytes(this.#eventCount);
    return 1 + counts + this.partsLength;
  }

  /** Length of all that `finish` puts together, its few counts apart. */
  get partsLength(): number {
    return this.#ads.length + this.#strings.length + this.#tallies.length + this.#headers.length + this.#bodies.length;
  }

  /** True when the next event, with whatever ids it brings, might not fit: start another batch. */
  get isFull(): boolean {
    return (
      this.#eventCount >= MAX_BATCH_EVENTS ||
      this.partsLength + ROOM_FOR_AN_EVENT_BYTES > MAX_BATCH_BYTES ||
      this.#adIndices.size >= MAX_DICTIONARY ||
      this.#stringIndices.size + STRINGS_AN_EVENT > MAX_DICTIONARY
    );
  }

  /** Where the ad stands in the batch's dictionary; the first terms given for an ad are the batch's. */
  adIndex(terms: AdTerms): number {
    const known = this.#adIndices.get(terms.adId);
    if (known !== undefined) return known;
    assert(this.#adIndices.size < MAX_DICTIONARY, 'a batch has room for this ad');
    writeAdTerms(this.#ads, terms);
    const index = this.#adIndices.size;
    this.#adIndices.set(terms.adId, index);
    return index;
  }

  add(event: TrackedEvent): void {
    assert(!this.isFull, 'a batch has room for this event');
    assert(event.ad < this.#adIndices.size, 'the event names an ad of its batch');
    assert(isEpochMs(event.eventTimeMs) && isEpochMs(event.receivedAtMs) && isEpochMs(event.detail.claimedTimeMs), 'times are whole milliseconds in range');
    assert(event.screenedReason < REASON_LIMIT, 'the screening reason is known');
    assert(packCountry(event.country) >= 0, 'a country is two letters');
    const bodyStart = this.#bodies.length;
    writeBody(this.#bodies, event, this.#shared);
    this.#header(event, this.#bodies.length - bodyStart);
    this.#eventCount++;
  }

  tally(tally: EdgeTally): void {
    this.#tallies.varint(this.#string(tally.region));
    this.#tallies.varint(tally.receivedSecond);
    this.#tallies.varint(this.#string(tally.rejection));
    this.#tallies.varint(tally.count);
    this.#tallyCount++;
  }

  finish(): OwnedBytes {
    const out = new ByteWriter(this.byteLength);
    out.u8(EVENT_BATCH_VERSION);
    out.varint(this.#adIndices.size);
    out.bytes(this.#ads.written());
    out.varint(this.#stringIndices.size - 1);
    out.bytes(this.#strings.written());
    out.varint(this.#tallyCount);
    out.bytes(this.#tallies.written());
    out.varint(this.#eventCount);
    out.bytes(this.#headers.written());
    out.bytes(this.#bodies.written());
    assert(out.length <= MAX_BATCH_BYTES, `a batch of ${out.length} bytes is above the limit`);
    return out.finish();
  }

  /** Forgets everything but how much room the last batch took. */
  clear(): void {
    for (const part of [this.#ads, this.#strings, this.#tallies, this.#headers, this.#bodies]) part.clear();
    this.#adIndices.clear();
    this.#stringIndices.clear();
    this.#stringIndices.set('', 0);
    this.#tallyCount = 0;
    this.#eventCount = 0;
  }

  #string(text: string): number {
    if (text === '') return 0;
    const known = this.#stringIndices.get(text);
    if (known !== undefined) return known;
    const index = this.#stringIndices.size;
    assert(index < MAX_DICTIONARY, 'a batch has room for this string');
    this.#strings.string(text);
    this.#stringIndices.set(text, index);
    return index;
  }

  #header(event: TrackedEvent, bodyBytes: number): void {
    const publisher = this.#string(event.publisherId);
    const placement = this.#string(event.placementId);
    const creative = this.#string(event.creativeId);
    const at = this.#headers.block(HEADER_BYTES);
    const { view } = this.#headers;
    writeHeader(view, at, event, bodyBytes);
    view.setUint16(at + HEADER.publisher, publisher, true);
    view.setUint16(at + HEADER.placement, placement, true);
    view.setUint16(at + HEADER.creative, creative, true);
  }
}

/**
 * Reads a batch. The constructor refuses (`TrackingError('corrupt_bytes')`) whatever is not a batch from end to end; after
 * it, no accessor can fail for an `i` below `eventCount`.
 */
export class EventBatchReader extends EventColumns {
  readonly #bodyAt: Uint32Array;
  readonly #bodies: ByteReader;

  constructor(bytes: Uint8Array) {
    const parts = openBatch(bytes);
    super(parts);
    this.#bodyAt = parts.bodyAt;
    this.#bodies = parts.bodies;
  }

  /** The cell that the event belongs to; an event without a creative is its ad's. */
  dimensions(i: number): CellDimensions {
    const terms = this.terms(i);
    return {
      advertiserId: terms.advertiserId,
      campaignId: terms.campaignId,
      adId: terms.adId,
      creativeId: this.strings[this.creativeIndex(i)]! || terms.creativeId,
      publisherId: this.strings[this.publisherIndex(i)]!,
      placementId: this.strings[this.placementIndex(i)]!,
      country: this.country(i),
      deviceType: this.deviceType(i),
    };
  }

  eventId(i: number): string {
    return readEventId(this.#body(i));
  }

  /** A click's own id; of any other event, the click that it names. */
  clickId(i: number): string {
    return this.kind(i) === EVENT_KINDS.click ? this.eventId(i) : readClickId(this.#body(i));
  }

  /** What only the raw log keeps. */
  detail(i: number): EventDetail {
    return readDetail(this.#body(i), this.eventTimeMs(i), this.strings);
  }

  /** The whole event, as it was given to the writer. */
  event(i: number): TrackedEvent {
    return {
      ...this.fields(i),
      ad: this.adIndex(i),
      eventId: this.eventId(i),
      publisherId: this.strings[this.publisherIndex(i)]!,
      placementId: this.strings[this.placementIndex(i)]!,
      creativeId: this.strings[this.creativeIndex(i)]!,
      country: this.country(i),
      deviceType: this.deviceType(i),
      detail: this.detail(i),
    };
  }

  #body(i: number): ByteReader {
    return this.#bodies.window(this.#bodyAt[i]!, this.#bodyAt[i + 1]!);
  }
}

/** Field list, pinned by `wire-version.test.ts`. */
export const EVENT_BATCH_FORMAT = {
  version: EVENT_BATCH_VERSION,
  fields: ['u8 version', 'count ads', ...AD_TERMS_FIELDS, 'count strings', 'count tallies', 'region second rejection count', 'count events', HEADER, BODY_FIELDS],
} as const;
