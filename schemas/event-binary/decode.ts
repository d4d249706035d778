import { countOpeners } from '../event-json/depth.ts';
import type { FieldReader } from '../event-json/field-reader.ts';
import { SLOT } from '../event-json/field-reader.ts';
import { ByteReader, corrupt } from '../wire/byte-reader.ts';
import { NONCE_BYTES, unpackNonce } from '../wire/nonce-text.ts';
import { BINARY_EVENTS_VERSION, EVENT_TYPE_CODES, FIELD_FORMS, FIELD_SLOTS, MAX_DICTIONARY, type FieldForm } from './fields.ts';

/** Type and mask: the least that an event can be. */
const MIN_EVENT_BYTES = 2;
const MASK_LIMIT = 2 ** FIELD_SLOTS.length;

/**
 * Reads a binary body event by event, handing each one's values to a `FieldReader` as JSON would have given them, so that one set of
 * rules judges both. `check` refuses (`corrupt_bytes`) whatever is not a body from end to end; after it `next` cannot fail.
 */
export class BinaryEvents {
  readonly #bytes: Uint8Array;
  readonly #reader: ByteReader;
  readonly #strings: readonly string[];
  readonly eventCount: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#reader = new ByteReader(bytes);
    if (this.#reader.u8() !== BINARY_EVENTS_VERSION) corrupt(`the body is not of version ${BINARY_EVENTS_VERSION}`);
    this.#strings = readStrings(this.#reader);
    this.eventCount = this.#reader.count(MIN_EVENT_BYTES);
  }

  /** To be called first: walks over every event, and back to the first. */
  check(): void {
    const reader = this.#reader;
    const firstAt = reader.offset;
    for (let i = 0; i < this.eventCount; i++) {
      const type = reader.u8();
      if (type < 1 || type >= EVENT_TYPE_CODES.length) corrupt(`unknown event type ${type}`);
      for (let rest = reader.below(MASK_LIMIT, 'field mask'); rest !== 0; rest &= rest - 1) this.#checkValue(FIELD_FORMS[31 - Math.clz32(rest & -rest)]!);
    }
    reader.end();
    reader.window(firstAt, this.#bytes.length);
  }

  /** Takes the next event; to be called `eventCount` times. */
  next(fields: FieldReader): void {
    const reader = this.#reader;
    fields.begin();
    fields.put(SLOT.eventType, EVENT_TYPE_CODES[reader.u8()]);
    for (let rest = reader.varint(); rest !== 0; rest &= rest - 1) {
      const bit = 31 - Math.clz32(rest & -rest);
      fields.put(FIELD_SLOTS[bit]!, this.#value(FIELD_FORMS[bit]!, fields));
    }
  }

  #checkValue(form: FieldForm): void {
    const reader = this.#reader;
    switch (form) {
      case 'shared':
        reader.below(this.#strings.length, 'dictionary index');
        return;
      case 'id': {
        const length = reader.varint();
        if (length > 0) reader.skipText(length);
        else reader.skip(NONCE_BYTES);
        return;
      }
      case 'text':
      case 'json':
        reader.skipText(reader.varint());
        return;
      case 'whole':
        reader.varint();
        return;
      case 'flag':
        reader.below(2, 'flag');
        return;
    }
  }

  #value(form: FieldForm, fields: FieldReader): unknown {
    const reader = this.#reader;
    switch (form) {
      case 'shared':
        return this.#strings[reader.varint()];
      case 'id':
        return this.#id();
      case 'text':
        return reader.string();
      case 'whole':
        return reader.varint();
      case 'flag':
        return reader.u8();
      case 'json':
        return readJson(reader, fields);
    }
  }

  #id(): string {
    const reader = this.#reader;
    const length = reader.varint();
    if (length > 0) return reader.text(length);
    const at = reader.offset;
    reader.skip(NONCE_BYTES);
    return unpackNonce(this.#bytes, at);
  }
}

function readStrings(reader: ByteReader): string[] {
  const count = reader.count(1);
  if (count > MAX_DICTIONARY) corrupt(`${count} dictionary entries are above the limit`);
  const strings: string[] = [];
  for (let i = 0; i < count; i++) strings.push(reader.string());
  return strings;
}

/** Objects and lists that a field's JSON may hold; consent needs one. Half a million of them would cost 40 MB and 400 ms. */
const MAX_OPENERS = 1_000;

/** Only this event is lost by its JSON. */
function readJson(reader: ByteReader, fields: FieldReader): unknown {
  const text = reader.string();
  if (countOpeners(text, MAX_OPENERS + 1) > MAX_OPENERS) {
    fields.refuse(`consent has more than ${MAX_OPENERS} objects and lists`);
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    fields.refuse('consent is not JSON');
    return undefined;
  }
}
