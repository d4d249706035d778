import { setImmediate as immediately } from 'node:timers/promises';
import { addCells } from '../../schemas/clickhouse/cell-blocks.ts';
import { addLedger, addSinkFrame, type FrameOrigin } from '../../schemas/clickhouse/frame-blocks.ts';
import { newBlock, sealBlock, type SealedBlock } from '../../schemas/clickhouse/native/block.ts';
import { DEFAULT_RETENTION, landingTables } from '../../schemas/clickhouse/landing-tables.ts';
import { addAttributions, addRawEvents } from '../../schemas/clickhouse/raw-blocks.ts';
import { decodeCommit } from '../../schemas/wire/commit.ts';
import { openDeltaSection } from '../../schemas/wire/delta-section.ts';
import type { DeltasRecord } from '../../schemas/wire/log-record.ts';
import { decodeRawSection } from '../../schemas/wire/raw-section.ts';
import { unpackSection, type UnpackSection } from '../log/unpack-section.ts';
import { sectionOf, originOf, rowsOf, type OpenedRecord } from './range-frames.ts';
import type { RangeId } from './sink-store.ts';

/** Only names and columns matter here; how long rows stay is the schema's business. */
const TABLES = landingTables(DEFAULT_RETENTION);

/** Where encoding waits: for a section to be unpacked, and for others to have their turn. */
export type EncodingPace = { readonly unpack: UnpackSection; readonly turn: () => Promise<unknown> };

const ENGINE_PACE: EncodingPace = { unpack: unpackSection, turn: () => immediately() };

/** A range as blocks, in the order in which they are inserted: the note of its frames comes last. */
export type RangeBlocks = {
  readonly blocks: readonly SealedBlock[];
  readonly rows: number;
  /** First and last second that its cells touch; null where it has no cells. */
  readonly seconds: { readonly min: number; readonly max: number } | null;
};

/** Who turns ranges into blocks: `encodeRange` in this thread, or another thread that does the same. */
export type RangeEncoder = { encode(log: string, range: RangeId, frames: readonly OpenedRecord[]): Promise<RangeBlocks> };

/** Encodes the frames of a range, all of one topic; gives the event loop a turn after every few rows. Equal frames give equal blocks. */
export async function encodeRange(log: string, range: RangeId, frames: readonly OpenedRecord[], pace: EncodingPace = ENGINE_PACE): Promise<RangeBlocks> {
  const rows = frames.reduce((sum, frame) => sum + rowsOf(frame), 0);
  const turns = new Turns(pace.turn);
  const encoder = range.topic === 'deltas' ? new DeltasEncoder(rows, turns) : new RawEncoder(rows, turns);
  const notes = newBlock(TABLES.sinkFrames, frames.length);
  // all at once, in zlib's threads: together they are smaller than the block that they become
  const sections = await Promise.all(frames.map((frame) => sectionOf(pace.unpack, frame)));
  for (const [i, frame] of frames.entries()) {
    const origin = originOf(range, frame);
    const added = await encoder.add(origin, frame, sections[i]!);
    addSinkFrame(notes.columns, origin, { log, topic: range.topic, digest: frame.record.digest, rows: added });
  }
  const blocks = [...encoder.seal(), sealBlock(notes)].filter((block) => block.rows > 0);
  return { blocks, rows: blocks.reduce((sum, block) => sum + block.rows, 0), seconds: encoder.seconds };
}

class DeltasEncoder {
  readonly #deltas;
  readonly #ledger = newBlock(TABLES.ledger, 256);
  readonly #turns: Turns;
  #min = Infinity;
  #max = -Infinity;

  constructor(rows: number, turns: Turns) {
    this.#turns = turns;
    this.#deltas = newBlock(TABLES.deltas, rows);
  }

  get seconds(): RangeBlocks['seconds'] {
    return this.#min <= this.#max ? { min: this.#min, max: this.#max } : null;
  }

  async add(origin: FrameOrigin, frame: OpenedRecord, section: Uint8Array): Promise<number> {
    const record = frame.record as DeltasRecord;
    const { cells, ledger } = openDeltaSection(section);
    addCells(this.#deltas.columns, origin, cells);
    addLedger(this.#ledger.columns, origin, ledger);
    addLedger(this.#ledger.columns, origin, record.hubLedger.map((row) => ({ ...row, stage: 'hub' })));
    for (let i = 0; i < cells.rowCount; i++) {
      const second = cells.seconds[i]!;
      if (second < this.#min) this.#min = second;
      if (second > this.#max) this.#max = second;
    }
    await this.#turns.after(cells.rowCount / CELLS_AN_EVENT);
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
  readonly #turns: Turns;

  constructor(rows: number, turns: Turns) {
    this.#turns = turns;
    this.#events = newBlock(TABLES.rawEvents, rows);
  }

  async add(origin: FrameOrigin, frame: OpenedRecord, section: Uint8Array): Promise<number> {
    let events = 0;
    for (const { row, bytes } of decodeRawSection(section)) {
      const commit = decodeCommit(bytes);
      for (let from = 0; from < commit.batch.eventCount; from += ROWS_A_TURN) {
        const to = Math.min(from + ROWS_A_TURN, commit.batch.eventCount);
        addRawEvents(this.#events.columns, origin, row, { commit, from, to });
        await this.#turns.after(to - from);
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

/** Raw events that are a few milliseconds of work; then others get the event loop. */
const ROWS_A_TURN = 1_000;
/** So many cells are encoded in the time of an event, which has texts of its own. */
const CELLS_AN_EVENT = 16;

/** Gives the event loop away when enough was done since it last had it. */
class Turns {
  readonly #turn: () => Promise<unknown>;
  #events = 0;

  constructor(turn: () => Promise<unknown>) {
    this.#turn = turn;
  }

  /** So many events are done. */
  async after(events: number): Promise<void> {
    this.#events += events;
    if (this.#events < ROWS_A_TURN) return;
    this.#events = 0;
    await this.#turn();
  }
}
