import { expect, test } from 'vitest';
import { ANNOUNCED_LEAD_MS, SALT_EPOCHS_KEPT_MS } from '../../core/routing.ts';
import { type SaltNotes, saltsAfterChange, saltsAfterRemoval } from './salt-notes.ts';

const T = Date.UTC(2026, 9, 1);
const ad = (salts: number) => ({ adId: 'hot', salts });
const change = (notes: SaltNotes, before: number | null, after: number, nowMs = T) => saltsAfterChange(notes, { before: before === null ? [] : [ad(before)], after: [ad(after)], nowMs });

test('an ad that is new, or set again as it was, has no note', () => {
  expect(change({}, null, 8)).toEqual({});
  expect(change({}, 8, 8)).toEqual({});
});

// announced   0 ──────────── 15 min
// salts       1              │ 8
test('a change is announced ahead; what was announced stands, whatever comes after it', () => {
  const raised = change({}, 1, 8);
  expect(raised).toEqual({ hot: [{ sinceMs: 0, salts: 1 }, { sinceMs: T + ANNOUNCED_LEAD_MS, salts: 8 }] });
  expect(change(raised, 8, 8, T + 1)).toEqual(raised);
  expect(change(raised, 8, 2, T - 5_000)).toEqual({ hot: [...raised['hot']!, { sinceMs: T + ANNOUNCED_LEAD_MS + 1, salts: 2 }] });
});

test('an ad that was removed and comes back with other salts has changed them', () => {
  const removed = saltsAfterRemoval({}, ad(4));
  expect(change(removed, null, 4)).toEqual(removed);
  expect(change(removed, null, 8)).toEqual({ hot: [{ sinceMs: 0, salts: 4 }, { sinceMs: T + ANNOUNCED_LEAD_MS, salts: 8 }] });
});

test('what ended more than a month ago is forgotten', () => {
  const twice = change(change({}, 1, 8), 8, 16, T + 86_400_000);
  expect(change(twice, 16, 32, T + SALT_EPOCHS_KEPT_MS + ANNOUNCED_LEAD_MS + 1)['hot']!.map(({ salts }) => salts)).toEqual([8, 16, 32]);
});
