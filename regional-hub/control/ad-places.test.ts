import { expect, test } from 'vitest';
import { AD_PLACES_KEPT_MS, type AdPlaceNotes, ANNOUNCED_LEAD_MS } from '../../core/routing.ts';
import { placesAfterChange, placesAfterRemoval } from './ad-places.ts';

const T = Date.UTC(2026, 9, 1);
const ad = (salts: number, homeRegion = 'us') => ({ adId: 'hot', salts, homeRegion });
const changeTo = (notes: AdPlaceNotes, before: ReturnType<typeof ad> | null, after: ReturnType<typeof ad>, nowMs = T) => placesAfterChange(notes, { before: before === null ? [] : [before], after: [after], nowMs });
const change = (notes: AdPlaceNotes, before: number | null, after: number, nowMs = T) => changeTo(notes, before === null ? null : ad(before), ad(after), nowMs);

test('an ad that is new, or set again as it was, has no note', () => {
  expect(change({}, null, 8)).toEqual({});
  expect(change({}, 8, 8)).toEqual({});
});

// announced   0 ──────────── 15 min
// salts       1              │ 8
test('a change is announced ahead; what was announced stands, whatever comes after it', () => {
  const raised = change({}, 1, 8);
  expect(raised).toEqual({ hot: [{ sinceMs: 0, salts: 1, homeRegion: 'us' }, { sinceMs: T + ANNOUNCED_LEAD_MS, salts: 8, homeRegion: 'us' }] });
  expect(change(raised, 8, 8, T + 1)).toEqual(raised);
  expect(change(raised, 8, 2, T - 5_000)).toEqual({ hot: [...raised['hot']!, { sinceMs: T + ANNOUNCED_LEAD_MS + 1, salts: 2, homeRegion: 'us' }] });
});

test('an ad that was removed and comes back with other salts has changed them', () => {
  const removed = placesAfterRemoval({}, ad(4));
  expect(change(removed, null, 4)).toEqual(removed);
  expect(change(removed, null, 8)).toEqual({ hot: [{ sinceMs: 0, salts: 4, homeRegion: 'us' }, { sinceMs: T + ANNOUNCED_LEAD_MS, salts: 8, homeRegion: 'us' }] });
});

test('what ended more than a month ago is forgotten', () => {
  const twice = change(change({}, 1, 8), 8, 16, T + 86_400_000);
  expect(change(twice, 16, 32, T + AD_PLACES_KEPT_MS + ANNOUNCED_LEAD_MS + 1)['hot']!.map(({ salts }) => salts)).toEqual([8, 16, 32]);
});

// announced   0 ──────────── 15 min
// region      us             │ eu
test('an ad that moves is counted where it was until every edge knows, as one that is spread wider', () => {
  const moved = changeTo({}, ad(1), ad(1, 'eu'));
  expect(moved).toEqual({ hot: [{ sinceMs: 0, salts: 1, homeRegion: 'us' }, { sinceMs: T + ANNOUNCED_LEAD_MS, salts: 1, homeRegion: 'eu' }] });
  expect(changeTo(moved, ad(1, 'eu'), ad(1, 'eu'), T + 1)).toEqual(moved);
  expect(changeTo(placesAfterRemoval({}, ad(1)), null, ad(1, 'eu'))).toEqual(moved);
});

test('notes that are older than moves mean the region that the ad had', () => {
  const old = { hot: [{ sinceMs: 0, salts: 1 }, { sinceMs: T - 1, salts: 4 }] };
  expect(changeTo(old, ad(4), ad(4))).toEqual(old);
  expect(changeTo(old, ad(4), ad(4, 'eu'))['hot']!.map(({ homeRegion }) => homeRegion)).toEqual(['us', 'us', 'eu']);
  expect(placesAfterRemoval(old, ad(4))['hot']!.map(({ homeRegion }) => homeRegion)).toEqual(['us', 'us']);
});
