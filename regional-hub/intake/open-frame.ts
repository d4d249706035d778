import { DISPOSITIONS, dispositionName } from '../../core/disposition.ts';
import { TrackingError, assert } from '../../core/errors.ts';
import { secondOf } from '../../core/time.ts';
import type { Commit } from '../../schemas/wire/commit.ts';
import { decodeCommit } from '../../schemas/wire/commit.ts';
import { openDeltaSection } from '../../schemas/wire/delta-section.ts';
import type { Frame, FrameHeader } from '../../schemas/wire/frame.ts';
import { decodeFrame } from '../../schemas/wire/frame.ts';
import type { FrameDigest, HubLedgerRow } from '../../schemas/wire/log-record.ts';
import { decodeRawSection } from '../../schemas/wire/raw-section.ts';
import { unpackSection, type UnpackSection } from '../log/unpack-section.ts';
import { digestOf } from './signature.ts';

/** A frame that was read to the last field, and what the hub itself counted in it. */
export type OpenedFrame = { readonly frame: Frame; readonly digest: FrameDigest; readonly hubLedger: readonly HubLedgerRow[] };

/**
 * Reads both sections of a frame through, so that whatever reaches the log can be stored; inflates no further than the header declares.
 * Throws `corrupt_bytes` when anything in it is unreadable, impossible or not as the header says.
 */
export async function openFrame(body: Uint8Array, frame: Frame = decodeFrame(body), unpack: UnpackSection = unpackSection): Promise<OpenedFrame> {
  try {
    await checkDeltas(frame, unpack);
    return { frame, digest: digestOf(body), hubLedger: await countRaw(frame, unpack) };
  } catch (cause) {
    if (cause instanceof TrackingError && cause.code === 'corrupt_bytes') throw cause;
    throw new TrackingError('corrupt_bytes', `frame: ${cause instanceof Error ? cause.message : 'unreadable'}`, { cause });
  }
}

async function checkDeltas({ header, deltas }: Frame, unpack: UnpackSection): Promise<void> {
  const { cells, ledger } = openDeltaSection(await unpackExactly(unpack, deltas, header.deltaBytes));
  assert(cells.rowCount === header.deltaRows, 'the header counts the delta rows');
  assert(ledger.length === header.ledgerRows, 'the header counts the ledger rows');
}

/** The hub's own ledger: dispositions by received second, counted from the raw events and from nothing else. */
async function countRaw({ header, raw }: Frame, unpack: UnpackSection): Promise<HubLedgerRow[]> {
  const tally = new LedgerTally();
  let events = 0;
  for (const { row, bytes } of decodeRawSection(await unpackExactly(unpack, raw, header.rawBytes))) {
    assert(row >= header.firstRow && row <= header.lastRow, 'the header spans the rows');
    const commit = decodeCommit(bytes);
    events += commit.batch.eventCount;
    tally.add(commit);
  }
  assert(events === header.rawEvents, 'the header counts the raw events');
  return tally.rows(header.region);
}

async function unpackExactly(unpack: UnpackSection, section: Uint8Array, declaredBytes: number): Promise<Uint8Array> {
  const bytes = await unpack(section, { maxOutputLength: Math.max(declaredBytes, 1) });
  assert(bytes.length === declaredBytes, 'a section is as long as the header says');
  return bytes;
}

const TERM_SLOTS = Math.max(...Object.values(DISPOSITIONS)) + 1;

class LedgerTally {
  /** By second since `#firstSecond` and disposition: small whole numbers, which a map finds without boxing them. */
  readonly #counts = new Map<number, number>();
  #firstSecond: number | null = null;

  add({ batch, judgements }: Commit): void {
    for (let i = 0; i < judgements.length; i++) {
      const second = secondOf(batch.receivedAtMs(i));
      this.#firstSecond ??= second;
      const slot = (second - this.#firstSecond) * TERM_SLOTS + judgements[i]!.disposition;
      this.#counts.set(slot, (this.#counts.get(slot) ?? 0) + 1);
    }
  }

  rows(region: FrameHeader['region']): HubLedgerRow[] {
    const firstSecond = this.#firstSecond ?? 0;
    return [...this.#counts].map(([slot, count]) => {
      const elapsedSeconds = Math.floor(slot / TERM_SLOTS);
      const term = dispositionName(slot - elapsedSeconds * TERM_SLOTS);
      assert(term !== undefined, 'a judgement has a known disposition');
      return { region, receivedSecond: firstSecond + elapsedSeconds, term, count };
    });
  }
}
