import { gzipSync } from 'node:zlib';
import { packSection } from '../../durable-objects/pack-section.ts';
import { unpackSectionSync } from '../../regional-hub/log/unpack-section.ts';
import { addCells } from '../../schemas/clickhouse/cell-blocks.ts';
import { DEFAULT_RETENTION, landingTables } from '../../schemas/clickhouse/landing-tables.ts';
import { newBlock, sealBlock } from '../../schemas/clickhouse/native/block.ts';
import { decodeDeltaSection, encodeDeltaSection, openDeltaSection } from '../../schemas/wire/delta-section.ts';
import { decodeFrame, type FrameHeader } from '../../schemas/wire/frame.ts';
import { addJsonCells, jsonCells, parseJsonCells } from '../baselines/json-cells.ts';
import { BatchMaker, ShardBed } from '../beds/shard-bed.ts';
import { collectGarbage } from '../collect-garbage.ts';
import { threadCpuMs } from '../cpu-clock.ts';
import { median, medianPair, short } from '../median.ts';
import type { Bench } from '../row.ts';

const START_MS = 1_773_100_800_000;
const EVENTS_A_BATCH = 100;
const BATCHES = 400;
const BATCHES_A_SECOND = 50;
const MEASURED_CPU_MS = 500;

/** How long a frame is, and how fast a hub takes one in; real frames of a real shard: 200 ads, 2 % clicks, 5 000 events/s. */
export const frameBench: Bench = {
  rows: [
    { id: 'frame-delta-raw', what: 'shard → hub frame, a delta row, uncompressed', unit: 'B', baselineIs: 'the same rows as JSON', aim: { kind: 'atMost', limit: 18 } },
    { id: 'frame-delta-gzip', what: 'the same, compressed', unit: 'B', baselineIs: 'the same rows as JSON, compressed', aim: { kind: 'atMost', limit: 12 } },
    { id: 'frame-raw-event', what: 'shard → hub frame, a raw event, compressed', unit: 'B', baselineIs: '', aim: { kind: 'atMost', limit: 110 } },
    { id: 'hub-decode', what: 'hub: decode delta frames and fold them into blocks for the store', unit: 'rows/s', baselineIs: 'the same rows from JSON', aim: { kind: 'faster', times: 12 } },
  ],
  async measure({ runs }) {
    const frames = (await makeFrames()).map(({ bytes }) => decodeFrame(bytes));
    const sections = frames.map(({ header, deltas }) => unpackSectionSync(deltas, { maxOutputLength: header.deltaBytes }));
    const { json, counters, rowCount, viewerCount } = otherForms(sections);
    const perRow = (blobs: readonly Uint8Array[]) => sum(blobs.map(({ length }) => length)) / rowCount;
    const withViewers = `viewers' 64-bit hashes apart: with them, ${short(viewerCount / rowCount)} a row, ${short(perRow(sections))} B, ${short(perRow(sections.map((section) => packSection(section))))} B compressed; hashes do not compress`;
    const rawEvents = sum(frames.map(({ header }) => header.rawEvents));
    const speed = Array.from({ length: runs }, () => ({ value: rateOf(rowCount, () => foldSections(sections, rowCount)), baseline: rateOf(rowCount, () => foldJson(json, rowCount)) }));
    const alone = (blobs: readonly Uint8Array[], decode: (blob: Uint8Array) => unknown) => median(Array.from({ length: runs }, () => rateOf(rowCount, () => blobs.forEach(decode))));
    return {
      'frame-delta-raw': { value: perRow(counters), baseline: perRow(json), note: withViewers },
      'frame-delta-gzip': { value: perRow(counters.map(packSection)), baseline: perRow(json.map((text) => gzipSync(text))) },
      'frame-raw-event': { value: sum(frames.map(({ raw }) => raw.length)) / rawEvents, baseline: null, note: `${short(sum(frames.map(({ header }) => header.rawBytes)) / rawEvents)} B uncompressed; ids and keys of 128 and 192 random bits are in it` },
      'hub-decode': { ...medianPair(speed), note: `decoding alone ${short(alone(sections, openDeltaSection))} rows/s against ${short(alone(json, parseJsonCells))}` },
    };
  },
};

/** The same cells as JSON, and without their viewers. Rows themselves do not outlive this: a heap full of them would slow down what is measured. */
function otherForms(sections: readonly Uint8Array[]) {
  const decoded = sections.map(decodeDeltaSection);
  const rows = decoded.flatMap((section) => section.rows);
  return {
    json: decoded.map((section) => jsonCells(section.rows)),
    counters: decoded.map((section) => encodeDeltaSection({ rows: section.rows.map((row) => ({ ...row, viewers: null })), ledger: section.ledger })),
    rowCount: rows.length,
    viewerCount: sum(rows.map(({ viewers }) => (viewers?.length ?? 0) / 2)),
  };
}

async function makeFrames() {
  const maker = await BatchMaker.create({ ads: 200, viewers: 100_000, clickShare: 0.02, startMs: START_MS });
  const bed = new ShardBed('live.us.e0.0.0', START_MS);
  const frames = [];
  for (let i = 0; i < BATCHES; i++) {
    const atMs = Math.floor((i * 1_000) / BATCHES_A_SECOND);
    bed.record(maker.batch(EVENTS_A_BATCH, atMs), START_MS + atMs);
    frames.push(...bed.flush(START_MS + atMs));
  }
  bed.close();
  return frames;
}

const TABLES = landingTables(DEFAULT_RETENTION);
const ORIGIN = { partition: 0, offset: 0, storedAtMs: START_MS, shard: 's', epoch: 1, seq: 1, region: 'us', source: 'live' } as const satisfies Record<string, unknown> & { source: FrameHeader['source'] };

/** As the sink does: the frames of a range become one block. */
function foldSections(sections: readonly Uint8Array[], rowCount: number): void {
  const block = newBlock(TABLES.deltas, rowCount);
  for (const section of sections) addCells(block.columns, ORIGIN, openDeltaSection(section).cells);
  sealBlock(block);
}

function foldJson(texts: readonly Uint8Array[], rowCount: number): void {
  const block = newBlock(TABLES.deltas, rowCount);
  for (const text of texts) addJsonCells(block.columns, ORIGIN, parseJsonCells(text));
  sealBlock(block);
}

/** Rows a second of CPU, pass after pass until there is something to measure; nobody pays for another's garbage. */
function rateOf(rowCount: number, pass: () => void): number {
  collectGarbage();
  const startMs = threadCpuMs();
  let passes = 0;
  for (; threadCpuMs() - startMs < MEASURED_CPU_MS; passes++) pass();
  return (rowCount * passes * 1_000) / (threadCpuMs() - startMs);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
