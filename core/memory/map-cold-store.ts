import { assert } from '../errors.ts';
import type { ColdPage, ColdStore } from './cold-store.ts';

/** A `ColdStore` in RAM: for simulations, benchmarks and tests, where one object outlives the memory that uses it. */
export class MapColdStore implements ColdStore {
  readonly #generations = new Map<number, Map<string, Uint8Array>>();

  writePages(generation: number, pages: readonly ColdPage[]): void {
    assert(!this.#generations.has(generation), 'a generation is written once');
    const stored = new Map<string, Uint8Array>();
    for (const page of pages) stored.set(`${page.table}/${page.bucket}`, page.bytes.slice());
    this.#generations.set(generation, stored);
  }

  readPage(generation: number, table: number, bucket: number): Uint8Array | undefined {
    return this.#generations.get(generation)?.get(`${table}/${bucket}`);
  }

  generations(): number[] {
    return [...this.#generations.keys()].toSorted((a, b) => a - b);
  }

  deleteGeneration(generation: number): void {
    this.#generations.delete(generation);
  }
}
