import { createHash } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { SnapshotKey } from '../../schemas/catalogue.ts';
import { apiKeys } from '../../schemas/control-tables.ts';
import type { ControlDatabase } from './control-database.ts';
import { touchSnapshot } from './settings-store.ts';

/** 256 bits: nobody guesses them, so a plain hash keeps them safe. */
export const KEY_BYTES = 32;

/** A key as administrators see it; the key itself was shown once, when it was made. */
export type KeyEntry = {
  readonly keyId: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly requiresSignature: boolean;
  readonly createdAtMs: number;
};

/** A key that was just made: the only time anybody sees it. `signingSecret` is '' unless bodies must be signed. */
export type NewKey = { readonly keyId: string; readonly key: string; readonly signingSecret: string };

/** Where the store gets chance from; only the composition root has the real one. */
export type RandomBytes = (byteCount: number) => Uint8Array;

/** API keys: random 256 bits, kept as SHA-256. */
export class KeyStore {
  readonly #database: ControlDatabase;
  readonly #randomBytes: RandomBytes;

  constructor(database: ControlDatabase, randomBytes: RandomBytes) {
    this.#database = database;
    this.#randomBytes = randomBytes;
  }

  /** Makes a key with scopes that were checked. */
  create(request: { scopes: readonly string[]; name: string; requiresSignature: boolean; nowMs: number }): NewKey {
    const key = this.#randomText(KEY_BYTES);
    const keyId = `key_${this.#randomText(12)}`;
    const signingSecret = request.requiresSignature ? this.#randomText(KEY_BYTES) : '';
    this.#save({ keyId, key, signingSecret, ...request });
    return { keyId, key, signingSecret };
  }

  /** Puts a key that came with the deployment under a fixed id; an earlier key of that id dies. Nothing changes if it is already there. */
  ensure(known: { keyId: string; key: string; scopes: readonly string[]; name: string; nowMs: number }): void {
    const held = this.#database.select().from(apiKeys).where(eq(apiKeys.keyId, known.keyId)).get();
    if (held?.keyHash === hashOfKey(known.key) && held.scopes.join() === known.scopes.join()) return;
    this.#save({ ...known, signingSecret: '' });
  }

  /** The entry of a presented key, or undefined. Reads the database each time: a deleted key is dead at once. */
  verify(key: string): KeyEntry | undefined {
    const row = this.#database.select().from(apiKeys).where(eq(apiKeys.keyHash, hashOfKey(key))).get();
    return row === undefined ? undefined : entryOf(row);
  }

  /** Every key, oldest first. */
  list(): readonly KeyEntry[] {
    return this.#database.select().from(apiKeys).orderBy(apiKeys.createdAtMs, apiKeys.keyId).all().map(entryOf);
  }

  /** Every key as edges must know it. */
  forSnapshot(): readonly SnapshotKey[] {
    const rows = this.#database.select().from(apiKeys).orderBy(apiKeys.keyId).all();
    return rows.map(({ keyId, keyHash, scopes, signingSecret }) => ({ keyId, keyHash, scopes, signingSecret }));
  }

  /** False when there is no such key. */
  remove(keyId: string, nowMs: number): boolean {
    return this.#database.transaction((tx) => {
      const removed = tx.delete(apiKeys).where(eq(apiKeys.keyId, keyId)).run().changes > 0;
      if (removed) touchSnapshot(tx, nowMs);
      return removed;
    });
  }

  #save(entry: { keyId: string; key: string; scopes: readonly string[]; name: string; signingSecret: string; nowMs: number }): void {
    const { keyId, scopes, name, signingSecret } = entry;
    const row = { keyId, keyHash: hashOfKey(entry.key), name, scopes, signingSecret, createdAtMs: entry.nowMs };
    this.#database.transaction((tx) => {
      tx.insert(apiKeys).values(row).onConflictDoUpdate({ target: apiKeys.keyId, set: row }).run();
      touchSnapshot(tx, entry.nowMs);
    });
  }

  #randomText(byteCount: number): string {
    return Buffer.from(this.#randomBytes(byteCount)).toString('base64url');
  }
}

/** How a key is stored and told to edges: SHA-256, lower-case hex. */
export function hashOfKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}

function entryOf(row: typeof apiKeys.$inferSelect): KeyEntry {
  const { keyId, name, scopes, createdAtMs } = row;
  return { keyId, name, scopes, requiresSignature: row.signingSecret !== '', createdAtMs };
}
