import { type AdPlace, type AdPlaceNotes, announcePlace } from '../../core/routing.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Ad } from '../../schemas/catalogue.ts';

type Placed = Pick<Ad, 'adId' | 'salts' | 'homeRegion'>;

/** The notes once the ads of `after` are in force, at `nowMs`; `before`: all ads as they were. */
export function placesAfterChange(notes: AdPlaceNotes, change: { before: readonly Placed[]; after: readonly Placed[]; nowMs: EpochMs }): AdPlaceNotes {
  const next: Record<string, readonly AdPlace[]> = { ...notes };
  for (const { adId, salts, homeRegion } of change.after) {
    const known = placesOf(notes, adId, change.before.find((ad) => ad.adId === adId));
    const last = known?.at(-1);
    if (known === undefined || last === undefined || (last.salts === salts && (last.homeRegion ?? homeRegion) === homeRegion)) continue;
    next[adId] = announcePlace(known, { salts, homeRegion }, change.nowMs);
  }
  return next;
}

/** The notes once `ad` is gone: should it come back with other salts or elsewhere, that is a change. */
export function placesAfterRemoval(notes: AdPlaceNotes, ad: Placed): AdPlaceNotes {
  return { ...notes, [ad.adId]: placesOf(notes, ad.adId, ad)! };
}

/** What is noted of an ad, the region filled in where the note is older than regions in notes; else what `ad`, as it was, has been since ever. */
function placesOf(notes: AdPlaceNotes, adId: string, ad: Placed | undefined): readonly AdPlace[] | undefined {
  const noted = notes[adId];
  if (ad === undefined) return noted;
  return noted?.map((place) => ({ homeRegion: ad.homeRegion, ...place })) ?? [{ sinceMs: 0, salts: ad.salts, homeRegion: ad.homeRegion }];
}
