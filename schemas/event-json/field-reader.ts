import { DEVICE_TYPES } from '../../core/event.ts';
import type { DeviceType } from '../../core/event.ts';
import { isIdText } from '../../core/ids.ts';
import type { EpochMs } from '../../core/time.ts';
import { valueNestsDeeper } from './depth.ts';
import { isEpochMs, parseIsoInstant } from './instant.ts';
import { hasUnexpandedMacro } from './macros.ts';

/** Every field that an event may have, as spelled in camelCase. */
export const EVENT_FIELDS = [
  'schemaVersion', 'eventType', 'eventId', 'clickId', 'impressionId', 'conversionId', 'adId', 'campaignId', 'creativeId', 'publisherId',
  'placementId', 'timestamp', 'timestampMs', 'userPseudoId', 'ipHash', 'userAgent', 'deviceType', 'country', 'referrer', 'bidRequestId',
  'valueMicros', 'currency', 'consent', 'token', 'viewable', 'receivedAtMs',
] as const;
export type EventField = (typeof EVENT_FIELDS)[number];

/** Spelling in a body → slot; both spellings of each field, and what a route calls otherwise. */
export type FieldSlots = ReadonlyMap<string, number>;

export const MAX_EVENT_ID_CHARS = 128;
export const MAX_USER_ID_CHARS = 256;
export const MAX_TEXT_CHARS = 512;
/** Levels inside one event; more is refused with its event. */
const MAX_EVENT_DEPTH = 32;
/** As many agents as are seen in a while; half a megabyte at most. */
const MAX_FAMILIAR = 1_024;
export const MAX_IP_HASH_CHARS = 128;
const MAX_DEVICE_CHARS = 32;

/** Each field's number. */
export const SLOT = Object.fromEntries(EVENT_FIELDS.map((field, slot) => [field, slot])) as Readonly<Record<EventField, number>>;
const MAX_ID_CHARS = 64;
const CURRENCY = /^[A-Za-z]{3}$/;
const COUNTRY = /^[A-Za-z]{2}$/;
/** Anything but printable ASCII that opens no macro: most texts have nothing of it, and are let go at one look. */
const ODD = /[^\x20-\x23\x26-\x5a\x5c-\x7a\x7c-\x7e]/;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
const CONTROLS = /\p{Cc}/gu;
const DEVICE_BY_NAME: ReadonlyMap<string, DeviceType> = new Map<string, DeviceType>([
  ...DEVICE_TYPES.map((type): [string, DeviceType] => [type, type]),
  ['phone', 'mobile'], ['smartphone', 'mobile'], ['mobile phone', 'mobile'], ['pc', 'desktop'], ['laptop', 'desktop'], ['computer', 'desktop'],
  ['tv', 'ctv'], ['smarttv', 'ctv'], ['smart tv', 'ctv'], ['connected tv', 'ctv'], ['set top box', 'ctv'], ['pad', 'tablet'],
]);

/** The other spelling of a field: `adId` → `ad_id`. */
export function snakeCase(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The slots of all fields, with `aliases` (spelling → field) on top. */
export function fieldSlots(aliases: Readonly<Record<string, EventField>> = {}): FieldSlots {
  const slots = new Map<string, number>();
  for (const field of EVENT_FIELDS) {
    slots.set(field, SLOT[field]);
    slots.set(snakeCase(field), SLOT[field]);
  }
  for (const [spelling, field] of Object.entries(aliases)) slots.set(spelling, SLOT[field]);
  return slots;
}

/**
 * Reads the fields of one event after another, with no allocation of its own. Each method gives a field's value, or an absent one and
 * the event's first `flaw`. `null`, '' and unexpanded macros are absent everywhere.
 */
export class FieldReader {
  /** The first thing wrong, naming its field; '' while there is none. */
  flaw = '';
  unknownFields = 0;
  readonly #given: unknown[] = EVENT_FIELDS.map(() => undefined);
  /** The names of the event before, and their slots: a sender's events have the same, in the same order. */
  #names: readonly string[] = [];
  #slots: readonly (number | undefined)[] = [];
  #slotsOf: FieldSlots | null = null;
  readonly #familiar = new Set<string>();

  /** Begins the next event. */
  open(event: object, slots: FieldSlots): void {
    this.begin();
    const names = Object.keys(event);
    const values: readonly unknown[] = Object.values(event);
    if (slots !== this.#slotsOf || !isSame(names, this.#names)) {
      this.#slotsOf = slots;
      this.#names = names;
      this.#slots = names.map((name) => slots.get(name));
    }
    for (let i = 0; i < names.length; i++) this.#take(this.#slots[i], values[i]);
  }

  /** Begins the next event without a field; `put` gives it some. */
  begin(): void {
    this.flaw = '';
    this.unknownFields = 0;
    // Not `fill`, which leaves optimised code: it took as long as the rest of a plain event's fields.
    for (let slot = 0; slot < this.#given.length; slot++) this.#given[slot] = undefined;
  }

  /** A field's value, as JSON would give it. */
  put(slot: number, value: unknown): void {
    this.#given[slot] = value;
  }

  #take(slot: number | undefined, value: unknown): void {
    if (slot === undefined) {
      this.unknownFields++;
      if (typeof value === 'object' && valueNestsDeeper(value, MAX_EVENT_DEPTH)) this.refuse(`the event nests deeper than ${MAX_EVENT_DEPTH}`);
      return;
    }
    const before = this.#given[slot];
    if (before !== undefined && before !== value) this.#fail(slot, 'is given twice, in two spellings');
    this.#given[slot] = value;
  }

  /** The value as it came; undefined when absent. */
  raw(slot: number): unknown {
    const value = this.#given[slot];
    return value === null || value === '' ? undefined : value;
  }

  /** An id out of the catalogue. */
  id(slot: number): string {
    return this.#id(slot, MAX_ID_CHARS);
  }

  /** An event's own id, or one that it points at. */
  eventId(slot: number): string {
    return this.#id(slot, MAX_EVENT_ID_CHARS);
  }

  /** An ISO 4217 code in any case. */
  currency(): string {
    const value = this.raw(SLOT.currency);
    if (value === undefined) return '';
    if (typeof value !== 'string') return this.#fail(SLOT.currency, 'must be a string');
    if (CURRENCY.test(value)) return value.toUpperCase();
    return hasUnexpandedMacro(value) ? '' : this.#fail(SLOT.currency, 'must be three letters, as in USD');
  }

  /** Somebody else's id: kept as it is, or refused, since a shortened one would be another's. */
  opaque(slot: number, maxChars: number): string {
    const given = this.#given[slot];
    if (typeof given === 'string' && given.length <= maxChars && !ODD.test(given)) return given;
    const value = this.#text(slot, true);
    if (value === '' || (value.length <= maxChars && !UNPRINTABLE.test(value))) return value;
    return this.#fail(slot, `must be at most ${maxChars} printable characters`);
  }

  ipHash(): string {
    return this.opaque(SLOT.ipHash, MAX_IP_HASH_CHARS);
  }

  /** As `prose`, for texts that come again and again: those that need nothing done are remembered. */
  familiarProse(slot: number): string {
    const given = this.#given[slot];
    if (typeof given === 'string' && this.#familiar.has(given)) return given;
    const value = this.prose(slot);
    if (value === given && value !== '') {
      if (this.#familiar.size >= MAX_FAMILIAR) this.#familiar.clear();
      this.#familiar.add(value);
    }
    return value;
  }

  /** Prose that only the raw log keeps: cleaned and cut, never a reason to refuse the event. */
  prose(slot: number): string {
    const given = this.#given[slot];
    if (typeof given === 'string' && given.length <= MAX_TEXT_CHARS && !ODD.test(given)) return given;
    const value = this.#text(slot, false);
    if (value.length <= MAX_TEXT_CHARS && !UNPRINTABLE.test(value)) return value;
    return cut(value.slice(0, MAX_TEXT_CHARS * 8).replaceAll(CONTROLS, '')).toWellFormed();
  }

  /** Two letters in upper case; what is no country is absent. */
  country(): string {
    const value = this.raw(SLOT.country);
    if (typeof value !== 'string' || value.length !== 2) return '';
    if (isCapital(value, 0) && isCapital(value, 1)) return value;
    return COUNTRY.test(value) ? value.toUpperCase() : '';
  }

  /** 'other' for anything unknown; undefined when absent, so that the edge may look for itself. */
  deviceType(): DeviceType | undefined {
    const value = this.raw(SLOT.deviceType);
    if (typeof value !== 'string') return value === undefined ? undefined : 'other';
    const named = DEVICE_BY_NAME.get(value);
    if (named !== undefined) return named;
    const known = value.length > MAX_DEVICE_CHARS ? undefined : DEVICE_BY_NAME.get(value.toLowerCase().trim());
    return known ?? (hasUnexpandedMacro(value) ? undefined : 'other');
  }

  /** Milliseconds as a number. (`+ 0` turns JSON's -0 into 0, here and below.) */
  epochMs(slot: number): EpochMs | undefined {
    const value = this.raw(slot);
    if (value === undefined || this.#isMacro(value)) return undefined;
    if (isEpochMs(value)) return value + 0;
    this.#fail(slot, 'must be a whole number of milliseconds since 1970, up to the year 2099');
    return undefined;
  }

  /** ISO 8601 with a zone, or milliseconds as a number. */
  instant(slot: number): EpochMs | undefined {
    const value = this.raw(slot);
    if (value === undefined || this.#isMacro(value)) return undefined;
    const instantMs = typeof value === 'string' ? parseIsoInstant(value) : value;
    if (isEpochMs(instantMs)) return instantMs + 0;
    this.#fail(slot, 'must be ISO 8601 with a zone, or whole milliseconds since 1970');
    return undefined;
  }

  /** Whole micros, none below zero: the raw log keeps them unsigned. */
  micros(slot: number): number {
    const value = this.raw(slot);
    if (value === undefined || this.#isMacro(value)) return 0;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value + 0;
    this.#fail(slot, 'must be a whole number of micros');
    return 0;
  }

  /** true, false, 1 or 0. */
  flag(slot: number): boolean {
    const value = this.raw(slot);
    if (value === undefined || this.#isMacro(value)) return false;
    if (value !== true && value !== false && value !== 1 && value !== 0) this.#fail(slot, 'must be true or false');
    return value === true || value === 1;
  }

  /** A text that must be one if it is there. */
  string(slot: number): string {
    return this.#text(slot, true);
  }

  #id(slot: number, maxChars: number): string {
    const value = this.raw(slot);
    if (value === undefined) return '';
    if (typeof value !== 'string') return this.#fail(slot, 'must be a string');
    if (isIdText(value, maxChars)) return value;
    return hasUnexpandedMacro(value) ? '' : this.#fail(slot, `must be 1 to ${maxChars} of A–Z a–z 0–9 _ . : -`);
  }

  #text(slot: number, strict: boolean): string {
    const value = this.raw(slot);
    if (typeof value === 'string') return hasUnexpandedMacro(value) ? '' : value;
    return value === undefined || !strict ? '' : this.#fail(slot, 'must be a string');
  }

  #isMacro(value: unknown): boolean {
    return typeof value === 'string' && hasUnexpandedMacro(value);
  }

  /** Notes the event's first flaw; gives the absent text. */
  #fail(slot: number, rule: string): string {
    this.refuse(`${EVENT_FIELDS[slot]} ${rule}`);
    return '';
  }

  /** Notes a flaw that lies between fields. */
  refuse(flaw: string): void {
    if (this.flaw === '') this.flaw = flaw;
  }
}

function isCapital(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x41 && code <= 0x5a;
}

function isSame(names: readonly string[], others: readonly string[]): boolean {
  if (names.length !== others.length) return false;
  for (let i = 0; i < names.length; i++) if (names[i] !== others[i]) return false;
  return true;
}

/** At most `MAX_TEXT_CHARS`, no pair of surrogates torn apart. */
function cut(text: string): string {
  const end = text.length > MAX_TEXT_CHARS && isHighSurrogate(text, MAX_TEXT_CHARS - 1) ? MAX_TEXT_CHARS - 1 : MAX_TEXT_CHARS;
  return text.slice(0, end);
}

function isHighSurrogate(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800;
}
