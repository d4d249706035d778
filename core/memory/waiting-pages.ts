import type { Key64 } from '../event.ts';
import type { WaitingClick } from '../judgement/judgement.ts';
import type { ColdTable } from './cold-tier.ts';
import { bucketCountFor } from './entry-pages.ts';
import { KeyFilter } from './key-filter.ts';

/** A counted click and the impression that it waits for. */
export type WaitingEntry = { readonly join: Key64; readonly click: WaitingClick };

/** Clicks a page, each some 300 bytes of JSON. */
const CLICKS_PER_PAGE = 128;

/** Entries as pages of JSON: they are few, and they carry strings. */
export function waitingTable(entries: readonly WaitingEntry[]): ColdTable | undefined {
  if (entries.length === 0) return undefined;
  const buckets = Array.from({ length: bucketCountFor(entries.length, CLICKS_PER_PAGE) }, (): WaitingEntry[] => []);
  const filter = KeyFilter.forKeys(entries.length);
  let minMs = Number.POSITIVE_INFINITY;
  let maxMs = Number.NEGATIVE_INFINITY;
  for (const entry of entries) {
    buckets[entry.join.hi & (buckets.length - 1)]!.push(entry);
    filter.add(entry.join.lo, entry.join.hi);
    minMs = Math.min(minMs, entry.click.eventTimeMs);
    maxMs = Math.max(maxMs, entry.click.eventTimeMs);
  }
  return { count: entries.length, minMs, maxMs, pages: buckets.map(encodePage), filter };
}

/** The entries of a page, as they were written. */
export function decodeWaitingPage(bytes: Uint8Array): WaitingEntry[] {
  return JSON.parse(new TextDecoder().decode(bytes)) as WaitingEntry[];
}

function encodePage(entries: readonly WaitingEntry[]): Uint8Array {
  return entries.length === 0 ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(entries.map(({ join, click }) => ({ join, click }))));
}
