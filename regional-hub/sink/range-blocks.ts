import { setImmediate as immediately } from 'node:timers/promises';
import { addCells } from '../../schemas/clickhouse/cell-blocks.ts';
import { addLedger, addSinkFrame, type FrameOrigin } from '../../schemas/clickhouse/frame-blocks.ts';
import { newBlock, sealBlock, type SealedBlock } from '../../schemas/clickhouse/native/block.ts';
import { DEFAULT_RETENTION, landingTables } from '../../schemas/clickhouse/landing-tables.ts';
import { addAttributions, addRawEvents } from '../../schemas/clickhouse/raw-blocks.ts';
import { decodeCommit } from '../../schemas/wire/commit.ts';
import { openDeltaSection } from '../../schemas/wire/delta-section.ts';
import type { DeltasRecord, RawRecord } from '../../schemas/wire/log-record.ts';
import { decodeRawSection } from '../../schemas/wire/raw-section.ts';
import { inflateSection, originOf, sizeOf, type OpenedRecord } from './range-frames.ts';
import type { RangeId } from './sink-store.ts';

/** Only names and columns matter here; how long rows stay is the schema's business. */
const TABLES = landingTables(DEFAULT_RETENTION);

/** Where encoding waits: for a section to be unpacked, and for others to have their turn. */
export type EncodingPace = { readonly inflate: (section: Uint8Array) => Promise<Uint8Array>; readonly turn: () => Promise<unknown> };

const ENGINE_PACE: EncodingPace = { inflate: inflateSection, turn: () => immediately() };

/** A range as blocks, in the order in which they are inserted: the note of its frames comes last. */
export type RangeBlocks = {
  readonly blocks: readonly SealedBlock[];
  readonly rows: number;
  /** First and last second that its cells touch; null where it has no cells. */
  readonly seconds: { readonly min: number; readonly max: number } | null;
};

/** Encodes the frames of a range, all of one topic; gives the event loop a turn after every few rows. Equal frames give equal blocks. */
export async function encodeRange(log: string, range: RangeId, frames: readonly OpenedRecord[], pace: EncodingPace = ENGINE_PACE): Promise<RangeBlocks> {
  const rows = frames.reduce((sum, frame) => sum + sizeOf(frame).rows, 0);
  const encoder = range.topic === 'deltas' ? new DeltasEncoder(rows, pace) : new RawEncoder(rows, pace);
  const notes = newBlock(TABLES.sinkFrames, frames.length);
  for (const frame of frames) {
    const origin = originOf(range, frame);
    const added = await encoder.add(origin, frame);
    addSinkFrame(notes.columns, origin, { log, topic: range.topic, digest: frame.record.digest, rows: added });
  }
  const blocks = [...encoder.seal(), sealBlock(notes)].filter((block) => block.rows > 0);
  return { blocks, rows: blocks.reduce((sum, block) => sum + block.rows, 0), seconds: encoder.seconds };
}

class DeltasEncoder {
  readonly #deltas;
  readonly #ledger = newBlock(TABLES.ledger, 256);
  readonly #pace: EncodingPace;
  #min = Infinity;
  #max = -Infinity;

  constructor(rows: number, pace: EncodingPace) {
    this.#pace = pace;
    this.#deltas = newBlock(TABLES.deltas, rows);
  }

  get seconds(): RangeBlocks['seconds'] {
    return this.#min <= this.#max ? { min: this.#min, max: this.#max } : null;
  }

  async add(origin: FrameOrigin, frame: OpenedRecord): Promise<number> {
    const record = frame.record as DeltasRecord;
    const { cells, ledger } = openDeltaSection(await this.#pace.inflate(record.deltas));
    addCells(this.#deltas.columns, origin, cells);
    addLedger(this.#ledger.columns, origin, ledger);
    addLedger(this.#ledger.columns, origin, record.hubLedger.map((row) => ({ ...row, stage: 'hub' })));
    for (let i = 0; i < cells.rowCount; i++) {
      const second = cells.seconds[i]!;
      if (second < this.#min) this.#min = second;
      if (second > this.#max) this.#max = second;
    }
    await this.#pace.turn();
    return cells.rowCount;
  }

  seal(): SealedBlock[] {
    return [sealBlock(this.#deltas), sealBlock(this.#ledger)];
  }
}

class RawEncoder {
  readonly seconds = null;
  readonly #events;
  readonly #attributions = newBlock(TABLES.attributions, 16);
  readonly #pace: EncodingPace;

  constructor(rows: number, pace: EncodingPace) {
    this.#pace = pace;
    this.#events = newBlock(TABLES.rawEvents, rows);
  }

  async add(origin: FrameOrigin, frame: OpenedRecord): Promise<number> {
    const record = frame.record as RawRecord;
    let events = 0;
    for (const { row, bytes } of decodeRawSection(await this.#pace.inflate(record.raw))) {
      const commit = decodeCommit(bytes);
      for (let from = 0; from < commit.batch.eventCount; from += ROWS_A_TURN) {
        addRawEvents(this.#events.columns, origin, row, { commit, from, to: Math.min(from + ROWS_A_TURN, commit.batch.eventCount) });
        await this.#pace.turn();
      }
      addAttributions(this.#attributions.columns, origin, row, commit.attributions);
      events += commit.batch.eventCount;
    }
    return events;
  }

  seal(): SealedBlock[] {
    return [sealBlock(this.#events), sealBlock(this.#attributions)];
  }
}

/** A few milliseconds of work; then others get the event loop. */
const ROWS_A_TURN = 1_000;
