import { writeFileSync } from 'node:fs';

/** Requests for one load, as `load.lua` reads them. */
export type LoadFile = {
  readonly path: string;
  /** GET: items are paths; POST: bodies. */
  readonly method: 'GET' | 'POST';
  /** Requests in it. */
  readonly count: number;
  /** It may be gone through again; else a load that comes to its end is an error, as repeats would be measured. */
  readonly mayRepeat: boolean;
};

/** Writes the items, each after its length in four bytes. */
export function writeLoad(path: string, { method, items, mayRepeat = false }: Pick<LoadFile, 'method'> & { readonly items: readonly Uint8Array[]; readonly mayRepeat?: boolean }): LoadFile {
  const parts = items.flatMap((item) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(item.length);
    return [length, item];
  });
  writeFileSync(path, Buffer.concat(parts));
  return { path, method, count: items.length, mayRepeat };
}
