import { createHash, createHmac, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64Url, decodeBase64UrlInto, encodeBase64Url } from './base64url.ts';
import { equalBytes } from './constant-time.ts';
import { HmacKey } from './hmac.ts';
import { sha256 } from './sha256.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');

describe('sha256', () => {
  test('equals the engine on every length around block and padding bounds', () => {
    for (let length = 0; length <= 300; length++) {
      const message = randomBytes(length);
      expect(hex(sha256(message))).toBe(createHash('sha256').update(message).digest('hex'));
    }
  });
});

describe('HmacKey', () => {
  test('equals the engine for keys shorter and longer than a block, and keeps no trace of the message before', () => {
    fc.assert(
      fc.property(bytes(200), bytes(300), bytes(300), (secret, first, second) => {
        const key = new HmacKey(secret);
        const tag = key.tag(first);
        expect(hex(key.tag(second))).toBe(createHmac('sha256', secret).update(second).digest('hex'));
        expect(hex(tag)).toBe(createHmac('sha256', secret).update(first).digest('hex'));
      }),
    );
  });

  test('tags a prefix of a buffer without reading the rest', () => {
    const key = new HmacKey(randomBytes(32));
    const buffer = randomBytes(100);
    const tag = new Uint8Array(32);
    key.tagInto(buffer, 47, tag);
    expect(hex(tag)).toBe(hex(key.tag(buffer.subarray(0, 47))));
  });

  type Case = { tcId: number; key: string; msg: string; tag: string; result: 'valid' | 'invalid' };
  const file = fileURLToPath(new URL('../../../shared/data/crypto/wycheproof_hmac_sha256.json', import.meta.url));
  const present = existsSync(file);
  if (!present) console.log('skipped: ../shared/data/crypto/wycheproof_hmac_sha256.json is absent');

  test.skipIf(!present)('accepts and refuses what Wycheproof says', () => {
    const groups = (JSON.parse(readFileSync(file, 'utf8')) as { testGroups: { tagSize: number; tests: Case[] }[] }).testGroups;
    let cases = 0;
    for (const { tagSize, tests } of groups) {
      for (const { tcId, key, msg, tag, result } of tests) {
        const ours = new HmacKey(Buffer.from(key, 'hex')).tag(Buffer.from(msg, 'hex'));
        const given = Buffer.from(tag, 'hex');
        const same = given.length === tagSize / 8 && equalBytes(ours, given, tagSize / 8);
        expect(same, `case ${tcId}`).toBe(result === 'valid');
        cases++;
      }
    }
    expect(cases).toBe(174);
  });
});

describe('equalBytes', () => {
  test('sees a difference in every single bit, at every offset', () => {
    const a = randomBytes(16);
    for (let bit = 0; bit < 128; bit++) {
      const b = Buffer.concat([Buffer.alloc(3), a]);
      b[3 + (bit >> 3)]! ^= 1 << (bit & 7);
      expect(equalBytes(a, b, 16, 3)).toBe(false);
      expect(equalBytes(a, Buffer.concat([Buffer.alloc(3), a]), 16, 3)).toBe(true);
    }
  });

  test('finds nothing equal beyond the end of either side', () => {
    expect(equalBytes(new Uint8Array(4), new Uint8Array(16), 16)).toBe(false);
    expect(equalBytes(new Uint8Array(16), new Uint8Array(16), 16, 1)).toBe(false);
  });
});

describe('base64url', () => {
  test('writes what Node writes and reads it back', () => {
    fc.assert(
      fc.property(bytes(200), (value) => {
        const text = encodeBase64Url(value);
        expect(text).toBe(Buffer.from(value).toString('base64url'));
        expect(decodeBase64Url(text)).toEqual(new Uint8Array(value));
      }),
    );
  });

  test('has one text for each byte string: whatever is read is written the same', () => {
    const character = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n\u00e9\ud83d');
    fc.assert(
      fc.property(fc.array(character, { maxLength: 12 }), (characters) => {
        const text = characters.join('');
        const value = decodeBase64Url(text);
        if (value !== null) expect(encodeBase64Url(value)).toBe(text);
      }),
      { numRuns: 5_000 },
    );
  });

  test.each(['A', 'AAAAA', 'AA==', 'AAA=', 'AB', 'AAB', 'A+A', 'A/A', 'AA\n', ' AA', 'A\u0000', 'AA\u00c1\u0141', '\ud83d\ude00'])('refuses %j', (text) => {
    expect(decodeBase64Url(text)).toBeNull();
  });

  test('refuses a text longer than the buffer', () => {
    expect(decodeBase64UrlInto('AAAA', new Uint8Array(2))).toBe(-1);
    expect(decodeBase64UrlInto('AAAA', new Uint8Array(3))).toBe(3);
  });
});
