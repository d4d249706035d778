import { expect, test } from 'vitest';
import { EVENT_KINDS } from '../../core/event.ts';
import { EventBatchReader } from '../../schemas/wire/event-batch.ts';
import { AdEntry } from '../catalogue/catalogue-view.ts';
import { testAd, testSnapshot } from '../fixtures/network.ts';
import { OpenBatch } from './open-batch.ts';
import type { DraftEvent } from './delivery.ts';

const T = 1_700_000_000_000;
const entry = new AdEntry(testAd(), testSnapshot().campaigns[0]!, 'us');
const key = { lo: 1, hi: 2 };

function event(eventId: string): DraftEvent {
  const detail = { impressionId: '', clickId: eventId, referrer: '', userAgent: `agent of ${eventId}`, ipPrefix: '', bidRequestId: '', valueMicros: 0, currency: '', pop: 'us', claimedTimeMs: T };
  const names = { eventId, publisherId: `pub-${eventId}`, placementId: '', creativeId: '', country: '', deviceType: 'other' as const };
  return { ...names, terms: entry.terms, ad: 0, kind: EVENT_KINDS.click, flags: 0, eventTimeMs: T, receivedAtMs: T, id: key, viewer: key, join: key, screenedReason: 0, reasonMask: 0, detail };
}
const open = () => new OpenBatch({ lane: 'awaited', homeRegion: 'us', openedAtMs: T, id: '' });
const idsOf = (bytes: Uint8Array) => {
  const batch = new EventBatchReader(bytes);
  return Array.from({ length: batch.eventCount }, (_, i) => [batch.eventId(i), batch.dimensions(i).publisherId, batch.detail(i).userAgent]);
};
const expected = (...ids: string[]) => ids.map((id) => [id, `pub-${id}`, `agent of ${id}`]);

test('batches that are open at the same time, and one after the other, hold their own events and nobody else\'s', () => {
  const [a, b] = [open(), open()];
  for (const id of ['a1', 'a2']) a.add(event(id));
  b.add(event('b1'));
  const first = a.finish([]);
  const c = open();
  c.add(event('c1'));
  b.add(event('b2'));
  const others = [b.finish([{ region: 'us', receivedSecond: 1, rejection: 'malformed', count: 2 }]), c.finish([])];
  expect([first, ...others].map(idsOf)).toEqual([expected('a1', 'a2'), expected('b1', 'b2'), expected('c1')]);
  expect([first, ...others].map((bytes) => new EventBatchReader(bytes).tallies.length)).toEqual([1, 2, 1]);
});

test('a finished batch knows how many events it had, and takes nothing more', () => {
  const batch = open();
  batch.add(event('a'));
  batch.finish([]);
  expect(batch.eventCount).toBe(1);
  expect(() => batch.add(event('b'))).toThrow('finished');
  expect(() => batch.finish([])).toThrow('finished');
});
