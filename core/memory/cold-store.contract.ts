import { describe, expect, test } from 'vitest';
import type { ColdStore } from './cold-store.ts';

/** What every `ColdStore` must keep; `open` gives an empty one. */
export function testColdStore(name: string, open: () => ColdStore): void {
  describe(`${name} as a cold store`, () => {
    test('gives back the bytes of a page as they were written', () => {
      const store = open();
      const all = Uint8Array.from({ length: 256 }, (_, at) => at);
      store.writePages(1, [
        { table: 0, bucket: 0, bytes: all },
        { table: 31, bucket: 4_095, bytes: all.subarray(3, 9) },
      ]);
      expect(new Uint8Array(store.readPage(1, 0, 0)!)).toEqual(all);
      expect(new Uint8Array(store.readPage(1, 31, 4_095)!)).toEqual(all.slice(3, 9));
    });

    test('keeps its own copy of what it was given', () => {
      const store = open();
      const bytes = Uint8Array.of(1, 2, 3);
      store.writePages(1, [{ table: 0, bucket: 0, bytes }]);
      bytes[0] = 9;
      expect([...store.readPage(1, 0, 0)!]).toEqual([1, 2, 3]);
    });

    test('has no page that was not written', () => {
      const store = open();
      store.writePages(1, [{ table: 0, bucket: 1, bytes: Uint8Array.of(1) }]);
      expect(store.readPage(1, 0, 0)).toBeUndefined();
      expect(store.readPage(1, 1, 1)).toBeUndefined();
      expect(store.readPage(2, 0, 1)).toBeUndefined();
    });

    test('lists generations ascending and deletes them whole', () => {
      const store = open();
      expect(store.generations()).toEqual([]);
      for (const generation of [1, 2, 10]) {
        store.writePages(generation, [0, 1].map((bucket) => ({ table: 0, bucket, bytes: Uint8Array.of(generation, bucket) })));
      }
      expect(store.generations()).toEqual([1, 2, 10]);
      store.deleteGeneration(2);
      store.deleteGeneration(99);
      expect(store.generations()).toEqual([1, 10]);
      expect(store.readPage(2, 0, 0)).toBeUndefined();
      expect([...store.readPage(10, 0, 1)!]).toEqual([10, 1]);
    });
  });
}
