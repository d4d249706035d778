import { DEVICE_TYPES } from '../../core/event.ts';
import type { AdTerms, DeviceType, EdgeTally, EventKindCode, JudgedFields, Key64 } from '../../core/event.ts';
import type { BatchParts } from './event-batch-parts.ts';
import { HEADER, HEADER_BYTES, countryText } from './event-header.ts';

/** The fixed part of every event of a batch, read in place: nothing here allocates but `fields`. No accessor can fail for an `i` below `eventCount`. */
export class EventColumns {
  readonly bytes: Uint8Array;
  readonly ads: readonly AdTerms[];
  /** The batch's dictionary; index 0 is ''. */
  readonly strings: readonly string[];
  readonly tallies: readonly EdgeTally[];
  readonly eventCount: number;
  readonly #view: DataView;
  readonly #headersAt: number;

  constructor(parts: BatchParts) {
    this.bytes = parts.bytes;
    this.ads = parts.ads;
    this.strings = parts.strings;
    this.tallies = parts.tallies;
    this.eventCount = parts.eventCount;
    this.#view = parts.view;
    this.#headersAt = parts.headersAt;
  }

  kind(i: number): EventKindCode {
    return this.#view.getUint8(this.#at(i) + HEADER.kind) as EventKindCode;
  }

  flags(i: number): number {
    return this.#view.getUint16(this.#at(i) + HEADER.flags, true);
  }

  eventTimeMs(i: number): number {
    return this.#view.getFloat64(this.#at(i) + HEADER.eventTimeMs, true);
  }

  receivedAtMs(i: number): number {
    return this.#view.getFloat64(this.#at(i) + HEADER.receivedAtMs, true);
  }

  viewerLo(i: number): number {
    return this.#view.getUint32(this.#at(i) + HEADER.viewerLo, true);
  }

  viewerHi(i: number): number {
    return this.#view.getUint32(this.#at(i) + HEADER.viewerHi, true);
  }

  /** Index into `ads`. */
  adIndex(i: number): number {
    return this.#view.getUint16(this.#at(i) + HEADER.ad, true);
  }

  /** Index into `strings`. */
  publisherIndex(i: number): number {
    return this.#view.getUint16(this.#at(i) + HEADER.publisher, true);
  }

  /** Index into `strings`. */
  placementIndex(i: number): number {
    return this.#view.getUint16(this.#at(i) + HEADER.placement, true);
  }

  /** Index into `strings`; 0 = the ad's own. */
  creativeIndex(i: number): number {
    return this.#view.getUint16(this.#at(i) + HEADER.creative, true);
  }

  country(i: number): string {
    return countryText(this.countryCode(i));
  }

  /** The country as the header has it; 0 for none. */
  countryCode(i: number): number {
    return this.#view.getUint16(this.#at(i) + HEADER.country, true);
  }

  deviceType(i: number): DeviceType {
    return DEVICE_TYPES[this.#view.getUint8(this.#at(i) + HEADER.deviceType)]!;
  }

  terms(i: number): AdTerms {
    return this.ads[this.adIndex(i)]!;
  }

  /** What judgement reads. */
  fields(i: number): JudgedFields {
    const at = this.#at(i);
    const view = this.#view;
    return {
      kind: view.getUint8(at + HEADER.kind) as EventKindCode,
      flags: view.getUint16(at + HEADER.flags, true),
      eventTimeMs: view.getFloat64(at + HEADER.eventTimeMs, true),
      receivedAtMs: view.getFloat64(at + HEADER.receivedAtMs, true),
      id: this.#key(at + HEADER.idLo),
      viewer: this.#key(at + HEADER.viewerLo),
      join: this.#key(at + HEADER.joinLo),
      screenedReason: view.getUint8(at + HEADER.screenedReason),
      reasonMask: view.getUint32(at + HEADER.reasonMask, true),
    };
  }

  #at(i: number): number {
    return this.#headersAt + i * HEADER_BYTES;
  }

  #key(at: number): Key64 {
    return { lo: this.#view.getUint32(at, true), hi: this.#view.getUint32(at + 4, true) };
  }
}
