import { announceSalts } from '../../core/routing.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Ad, SaltEpoch } from '../../schemas/catalogue.ts';

/** By ad: since when its events without a token are spread over how many sub-shards. An ad whose `salts` never changed has no note. */
export type SaltNotes = Readonly<Record<string, readonly SaltEpoch[]>>;

type Salted = Pick<Ad, 'adId' | 'salts'>;

/** The notes once the ads of `after` are in force, at `nowMs`; `before`: all ads as they were. */
export function saltsAfterChange(notes: SaltNotes, change: { before: readonly Salted[]; after: readonly Salted[]; nowMs: EpochMs }): SaltNotes {
  const next: Record<string, readonly SaltEpoch[]> = { ...notes };
  for (const { adId, salts } of change.after) {
    const known = notes[adId] ?? sinceEver(change.before.find((ad) => ad.adId === adId));
    if (known !== undefined && known.at(-1)?.salts !== salts) next[adId] = announceSalts(known, salts, change.nowMs);
  }
  return next;
}

/** The notes once `ad` is gone: should it come back with other salts, that is a change. */
export function saltsAfterRemoval(notes: SaltNotes, ad: Salted): SaltNotes {
  return { ...notes, [ad.adId]: notes[ad.adId] ?? sinceEver(ad)! };
}

function sinceEver(ad: Salted | undefined): readonly SaltEpoch[] | undefined {
  return ad === undefined ? undefined : [{ sinceMs: 0, salts: ad.salts }];
}
