import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { assert } from '../../core/errors.ts';

/** Small chunks are gathered up to so many bytes for one write. */
const WRITE_BYTES = 1_048_576;

export type SpooledBody = { readonly path: string; readonly byteCount: number };

/** Bodies of inserts, in files for as long as the engine reads them. What a killed process left is thrown away at the start. */
export class InsertSpool {
  readonly #dir: string;

  constructor(dir: string) {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    this.#dir = dir;
  }

  /** Writes a whole body; the caller removes it. */
  async write(values: string | Readable): Promise<SpooledBody> {
    const path = join(this.#dir, randomUUID());
    const file = await open(path, 'w');
    try {
      return { path, byteCount: typeof values === 'string' ? await writeText(file, values) : await writeStream(file, values) };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }

  async remove(body: SpooledBody): Promise<void> {
    await rm(body.path, { force: true });
  }
}

async function writeText(file: FileHandle, text: string): Promise<number> {
  await file.writeFile(text);
  return Buffer.byteLength(text);
}

async function writeStream(file: FileHandle, values: Readable): Promise<number> {
  let byteCount = 0;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  const flush = async (): Promise<void> => {
    if (gathered.length > 0) {
      const { bytesWritten } = await file.writev(gathered);
      assert(bytesWritten === gatheredBytes, 'a spooled body is written whole');
    }
    gathered = [];
    gatheredBytes = 0;
  };
  for await (const chunk of values) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : asBytes(chunk);
    gathered.push(bytes);
    gatheredBytes += bytes.length;
    byteCount += bytes.length;
    if (gatheredBytes >= WRITE_BYTES) await flush();
  }
  await flush();
  return byteCount;
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('a body must be text or bytes');
}
