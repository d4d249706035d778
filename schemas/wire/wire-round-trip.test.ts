import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cellKey, mergeDeltaRows } from '../../core/cells/merge.ts';
import { DEFAULT_FLUSH_POLICY } from '../../core/flush/policy.ts';
import { decodeAck, encodeAck } from './ack.ts';
import { decodeCommit, encodeCommit } from './commit.ts';
import { decodeDeltaSection, encodeDeltaSection } from './delta-section.ts';
import { EventBatchReader, EventBatchWriter } from './event-batch.ts';
import { decodeFrame, encodeFrame, peekFrameHeader } from './frame.ts';
import { decodeRawSection, encodeRawSection } from './raw-section.ts';
import { anyBatch, anyCommit, anyDelta, anyFrameHeader, anyLedgerRow, batchBytes } from './wire-arbitraries.ts';

describe('event batch', () => {
  test('ads, tallies and every event come back as they were written', () => {
    fc.assert(
      fc.property(anyBatch, (input) => {
        const reader = new EventBatchReader(batchBytes(input));
        expect(reader.ads).toEqual(input.ads);
        expect(reader.tallies).toEqual(input.tallies);
        expect(Array.from({ length: reader.eventCount }, (_, i) => reader.event(i))).toEqual(input.events);
      }),
    );
  });

  test('accessors agree with the event', () => {
    fc.assert(
      fc.property(anyBatch, (input) => {
        const reader = new EventBatchReader(batchBytes(input));
        for (const [i, event] of input.events.entries()) {
          const terms = input.ads[event.ad]!;
          expect(reader.terms(i)).toEqual(terms);
          expect(reader.eventId(i)).toBe(event.eventId);
          expect(reader.clickId(i)).toBe(event.kind === 2 ? event.eventId : event.detail.clickId);
          expect({ lo: reader.viewerLo(i), hi: reader.viewerHi(i) }).toEqual(event.viewer);
          expect([reader.kind(i), reader.flags(i), reader.eventTimeMs(i), reader.receivedAtMs(i)]).toEqual([event.kind, event.flags, event.eventTimeMs, event.receivedAtMs]);
          const { publisherId, placementId, country, deviceType } = event;
          const { advertiserId, campaignId, adId } = terms;
          const creativeId = event.creativeId || terms.creativeId;
          expect(reader.dimensions(i)).toEqual({ advertiserId, campaignId, adId, creativeId, publisherId, placementId, country, deviceType });
        }
      }),
    );
  });

  test('the announced length is the length', () => {
    fc.assert(
      fc.property(anyBatch, ({ ads, events, tallies }) => {
        const writer = new EventBatchWriter();
        for (const terms of ads) writer.adIndex(terms);
        for (const event of events) writer.add(event);
        for (const tally of tallies) writer.tally(tally);
        const announced = writer.byteLength;
        expect(writer.finish().length).toBe(announced);
      }),
    );
  });

  test('an ad is in the batch once', () => {
    fc.assert(
      fc.property(anyBatch, ({ ads }) => {
        const writer = new EventBatchWriter();
        const first = ads.map((terms) => writer.adIndex(terms));
        expect(ads.map((terms) => writer.adIndex({ ...terms }))).toEqual(first);
        expect(new EventBatchReader(writer.finish()).ads.length).toBe(ads.length);
      }),
    );
  });
});

test('a commit comes back: batch byte for byte, judgements with their costs, corrections', () => {
  fc.assert(
    fc.property(anyCommit, ({ committedAtMs, input, judgements, attributions }) => {
      const batch = batchBytes(input);
      const commit = decodeCommit(encodeCommit({ committedAtMs, batch, judgements, attributions }));
      expect(commit.committedAtMs).toBe(committedAtMs);
      expect(commit.batch.bytes).toEqual(batch);
      expect(commit.judgements).toEqual(judgements);
      expect(commit.attributions).toEqual(attributions);
    }),
  );
});

test('a commit whose cost does not follow from its terms is a bug, and is not written', () => {
  fc.assert(
    fc.property(anyCommit, ({ committedAtMs, input, judgements }) => {
      fc.pre(judgements.length > 0);
      const wrong = judgements.map((judgement) => ({ ...judgement, costNanos: judgement.costNanos + 1 }));
      expect(() => encodeCommit({ committedAtMs, batch: batchBytes(input), judgements: wrong, attributions: [] })).toThrow('cost follows');
    }),
  );
});

test('a delta section gives back every row and every term, rows by second and ad', () => {
  fc.assert(
    fc.property(fc.array(anyDelta, { maxLength: 30 }), fc.array(anyLedgerRow, { maxLength: 10 }), (rows, ledger) => {
      const section = decodeDeltaSection(encodeDeltaSection({ rows, ledger }));
      expect(section.ledger).toEqual(ledger);
      expect(section.rows.map((row) => row.second)).toEqual(rows.map((row) => row.second).sort((a, b) => a - b));
      const byKey = (a: (typeof rows)[number], b: (typeof rows)[number]) => (cellKey(a) + a.count < cellKey(b) + b.count ? -1 : 1);
      expect([...section.rows].sort(byKey)).toEqual([...rows].sort(byKey));
      expect(mergeDeltaRows(section.rows, [])).toEqual(mergeDeltaRows(rows, []));
    }),
  );
});

test('a raw section gives back every commit', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 20, maxLength: 60 })), fc.nat(), (blobs, firstRow) => {
      const commits = blobs.map((bytes, i) => ({ row: firstRow + i * 3, bytes }));
      expect(decodeRawSection(encodeRawSection(commits))).toEqual(commits);
    }),
  );
});

test('a frame comes back, and its header can be read alone', () => {
  fc.assert(
    fc.property(anyFrameHeader, fc.uint8Array(), fc.uint8Array(), (header, deltas, raw) => {
      const bytes = encodeFrame({ header, deltas, raw });
      expect(decodeFrame(bytes)).toEqual({ header, deltas, raw });
      expect(peekFrameHeader(bytes)).toEqual(header);
    }),
  );
});

describe('ack', () => {
  const ack = { epoch: 1_700_000_000_000, ackedSeq: 7, policy: DEFAULT_FLUSH_POLICY };

  test('comes back, without what a newer hub adds', () => {
    expect(decodeAck(encodeAck(ack))).toEqual(ack);
    expect(decodeAck(JSON.stringify({ version: 1, ...ack, mood: 'fine', policy: { ...ack.policy, extra: 1 } }))).toEqual(ack);
  });

  test.each([
    ['text', 'ok'],
    ['another version', JSON.stringify({ version: 2, ...ack })],
    ['a policy out of bounds', JSON.stringify({ version: 1, ...ack, policy: { ...ack.policy, maxCells: 0 } })],
    ['a fraction', JSON.stringify({ version: 1, ...ack, ackedSeq: 1.5 })],
  ])('%s is refused', (_, text) => {
    expect(() => decodeAck(text)).toThrow('not a flush ack');
  });
});
