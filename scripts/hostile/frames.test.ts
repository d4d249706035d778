import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeltaRow } from '../../core/cells/cell.ts';
import { DISPOSITIONS } from '../../core/disposition.ts';
import { Uniques } from '../../core/sketch/uniques.ts';
import { makeFrame } from '../../regional-hub/intake/testing/frames.ts';
import { flush, openIntake, recordsIn, type TestIntake } from '../../regional-hub/intake/testing/intake.ts';
import { ByteWriter } from '../../schemas/wire/byte-writer.ts';
import { decodeDeltaSection, encodeDeltaSection } from '../../schemas/wire/delta-section.ts';
import { decodeFrame, encodeFrame } from '../../schemas/wire/frame.ts';

const MIB = 1_048_576;
/** What no honest counter reaches, as far as a varint goes. */
const HUGE = [2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER];

let directory: string;
let intake: TestIntake;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'edgetally-frames-'));
  intake = openIntake(join(directory, 'log.sqlite'));
});
afterEach(async () => {
  await intake.close();
  rmSync(directory, { recursive: true });
});

/** A frame with viewers in its cells, taken apart. */
function honest() {
  const { header, deltas, raw } = decodeFrame(makeFrame({ events: 40 }));
  const { rows, ledger } = decodeDeltaSection(gunzipSync(deltas));
  const seen: DeltaRow[] = rows.map((row, i) => (row.disposition === DISPOSITIONS.counted ? { ...row, viewers: new Uint32Array([i + 1, 7]) } : row));
  return { header, raw, deltas: encodeDeltaSection({ rows: seen, ledger }) };
}

/** Signs and sends a frame around these deltas, its header as honest as it can be. */
async function flushDeltas(deltas: Uint8Array, rows?: number) {
  const { header, raw } = honest();
  return flush(intake, encodeFrame({ header: { ...header, deltaBytes: deltas.length, deltaRows: Math.min(rows ?? header.deltaRows, deltas.length - header.ledgerRows) }, deltas: gzipSync(deltas), raw }));
}

describe('deltas of a shard that went mad, under its right key', () => {
  test('that are sound are taken, so that what follows is refused for its lies alone', async () => {
    expect((await flushDeltas(honest().deltas)).status).toBe(200);
  });

  test('that claim 2^31 to 2^53 of anything are refused in no time and no memory', async () => {
    const started = performance.now();
    const before = process.memoryUsage().rss;
    for (const count of HUGE) {
      // version, then up to seven counters: strings, ads, places, audiences, outcomes, rows, ledger
      for (let honestCounters = 0; honestCounters < 7; honestCounters++) {
        const writer = new ByteWriter(512);
        writer.u8(1);
        for (let i = 0; i < honestCounters; i++) writer.varint(0);
        writer.varint(count);
        writer.bytes(new Uint8Array(400).fill(1));
        const reply = await flushDeltas(writer.finish());
        expect([count, honestCounters, reply.status, reply.outcome]).toEqual([count, honestCounters, 400, 'corrupt_bytes']);
      }
    }
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
    expect(await recordsIn(intake)).toEqual([]);
  });

  test('whose cells claim more viewers than there are bytes are refused', async () => {
    const { deltas } = honest();
    let refused = 0;
    for (let at = 0; at < deltas.length; at++) {
      const forged = Buffer.concat([deltas.subarray(0, at), Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), deltas.subarray(at + 1)]);
      const { outcome } = await flushDeltas(forged);
      expect([at, outcome]).toEqual([at, 'corrupt_bytes']);
      refused++;
    }
    expect(refused).toBe(deltas.length);
  });

  test('damaged in any one byte get a documented answer, and memory stays flat', { timeout: 60_000 }, async () => {
    const { deltas } = honest();
    const before = process.memoryUsage().rss;
    await fc.assert(
      fc.asyncProperty(fc.nat(deltas.length - 1), fc.nat(255), async (at, byte) => {
        const damaged = deltas.slice();
        damaged[at] = byte;
        expect([200, 400, 409]).toContain((await flushDeltas(damaged)).status);
      }),
      { numRuns: 2_000 },
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * MIB);
    expect(intake.budget.bytesInHand).toBe(0);
  });
});

describe('a sketch', () => {
  test('that claims up to 2^64 hashes is refused by its length, before anything is set aside for them', () => {
    const before = process.memoryUsage().rss;
    for (const form of [0, 1, 2, 3, 4, 255]) {
      for (const count of [[0x11], [0x7f], [0x80, 0x20], [0xff, 0x7f], [0xff, 0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]]) {
        for (const hashes of [0, 1, 16]) {
          const forged = Uint8Array.from([form, ...count, ...new Uint8Array(hashes * 8)]);
          expect(() => Uniques.fromState(forged), `form ${form}, count ${count}, ${hashes} hashes`).toThrow(expect.objectContaining({ code: 'corrupt_bytes' }));
        }
      }
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * MIB);
  });
});

describe('a frame that is replayed', () => {
  test('a thousand times is in the log once, whoever signs it anew', { timeout: 30_000 }, async () => {
    const body = makeFrame({ events: 8 });
    for (let i = 0; i < 1_000; i++) expect((await flush(intake, body)).status).toBe(200);
    expect(await recordsIn(intake)).toHaveLength(2);
    expect(intake.outcomes.filter((outcome) => outcome === 'appended')).toHaveLength(1);
  });

  test('under another shard\'s name is that shard\'s first, not a second of its own; with other bytes it is a conflict', async () => {
    const reply = await flush(intake, makeFrame({ shard: 'live.us.e0.0.0', events: 8 }));
    const swapped = await flush(intake, makeFrame({ shard: 'live.us.e0.1.0', events: 8 }), makeFrame({ shard: 'live.us.e0.0.0', events: 8 }));
    const forged = await flush(intake, makeFrame({ shard: 'live.us.e0.0.0', events: 9 }));
    expect([reply.status, swapped.status, forged.status]).toEqual([200, 401, 409]);
  });
});
