import { randomBytes } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { packSection } from '../../durable-objects/pack-section.ts';
import { unpackSection, unpackSectionSync } from './unpack-section.ts';

const MIB = 1_048_576;
const LIMIT = { maxOutputLength: 32 * MIB };
const asU8 = (bytes: Uint8Array) => new Uint8Array(bytes);

test('a section comes back as it went, whatever its size', async () => {
  for (const length of [0, 1, 100, 65_536, 131_073, 2 * MIB]) {
    const section = asU8(Buffer.concat([Buffer.alloc(length >> 1, 'ad'), randomBytes(length - (length >> 1))]));
    const packed = packSection(section);
    expect(asU8(unpackSectionSync(packed, LIMIT))).toEqual(section);
    expect(asU8(await unpackSection(packed, LIMIT))).toEqual(section);
    expect(packSection(section)).toEqual(packed);
  }
});

test('a section of an older shard, which packed with gzip, is read as well', async () => {
  const packed = gzipSync('older words');
  expect(Buffer.from(await unpackSection(packed, LIMIT)).toString()).toBe('older words');
  expect(Buffer.from(unpackSectionSync(packed, LIMIT)).toString()).toBe('older words');
});

test('a section unpacks no further than its limit', async () => {
  const bomb = Buffer.alloc(64 * MIB);
  for (const packed of [Buffer.concat([Uint8Array.of(2), brotliCompressSync(bomb)]), gzipSync(bomb)]) {
    await expect(unpackSection(packed, { maxOutputLength: MIB })).rejects.toThrow();
    expect(() => unpackSectionSync(packed, { maxOutputLength: MIB })).toThrow();
  }
});

test('what is cut short, or packed in no way that we know, is refused', async () => {
  const packed = packSection(Buffer.alloc(1_000, 'section'));
  for (const bad of [packed.subarray(0, packed.length - 3), packed.subarray(1), Uint8Array.of(), Uint8Array.of(3, 0, 0), Uint8Array.of(2)]) {
    await expect(unpackSection(bad, LIMIT)).rejects.toThrow();
    expect(() => unpackSectionSync(bad, LIMIT)).toThrow();
  }
});
