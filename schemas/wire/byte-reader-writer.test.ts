import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TrackingError } from '../../core/errors.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter, varintBytes } from './byte-writer.ts';
import { packNonce, unpackNonce } from './nonce-text.ts';

const written = (write: (writer: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter();
  write(writer);
  return writer.finish();
};

describe('varints', () => {
  test('every whole number up to 2^53 − 1 comes back, in the bytes that were announced', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(20_000)), (value) => {
        const bytes = written((writer) => writer.varint(value));
        expect(bytes.length).toBe(varintBytes(value));
        expect(new ByteReader(bytes).varint()).toBe(value);
      }),
    );
  });

  test('every signed number comes back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -200, max: 200 })), (value) => {
        const reader = new ByteReader(written((writer) => writer.signed(value)));
        expect(reader.signed()).toBe(value + 0);
        reader.end();
      }),
    );
  });

  test.each([
    ['an overlong zero', [0x80, 0x00]],
    ['one above 2^53', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['one that never ends', Array.from({ length: 12 }, () => 0xff)],
    ['one cut short', [0x80]],
    ['nothing', []],
  ])('%s is refused', (_, bytes) => {
    expect(() => new ByteReader(Uint8Array.from(bytes)).varint()).toThrow(TrackingError);
  });

  test('fractions, negative numbers and numbers above 2^53 are not written', () => {
    for (const value of [0.5, -1, 2 ** 53, NaN, Infinity]) expect(() => new ByteWriter().varint(value)).toThrow(RangeError);
  });
});

describe('strings', () => {
  test('every well-formed string comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(new ByteReader(written((writer) => writer.string(text))).string()).toBe(text);
      }),
    );
  });

  test('a byte order mark is part of the string', () => {
    expect(new ByteReader(written((writer) => writer.string('\ufeffé'))).string()).toBe('\ufeffé');
  });

  test('bytes that are not UTF-8 are refused', () => {
    expect(() => new ByteReader(Uint8Array.of(2, 0xc3, 0x28)).string()).toThrow(TrackingError);
  });

  test('a length beyond the end is refused', () => {
    expect(() => new ByteReader(Uint8Array.of(5, 65)).string()).toThrow(TrackingError);
  });
});

test('a count that its bytes cannot hold is refused before anything is made of it', () => {
  const claims = written((writer) => writer.varint(2 ** 50));
  expect(() => new ByteReader(claims).count(1)).toThrow(TrackingError);
});

describe('nonces', () => {
  test('128 bits come back from their 22 characters, as base64url has it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64url');
        const packed = new Uint8Array(16);
        expect(packNonce(text, packed, 0)).toBe(true);
        expect(packed).toEqual(bytes);
        expect(unpackNonce(packed, 0)).toBe(text);
      }),
    );
  });

  test.each(['', 'AAAAAAAAAAAAAAAAAAAAAB', 'AAAAAAAAAAAAAAAAAAAAA=', 'AAAAAAAAAAAAAAAAAAAAA', 'é'.repeat(22), 'AAAAAAAAAAAAAAAAAAAAAé'])('%j is not a nonce', (text) => {
    expect(packNonce(text, new Uint8Array(16), 0)).toBe(false);
  });
});
