import { DISPOSITIONS } from '../disposition.ts';
import { assert } from '../errors.ts';
import { EVENT_KINDS, NO_KEY } from '../event.ts';
import type { EdgeTally, Key64 } from '../event.ts';
import type { Attribution, Judgement } from '../judgement/judgement.ts';
import type { Nanos } from '../money.ts';
import { secondOf } from '../time.ts';
import type { Booking, BookableBatch, BookableCommit } from './bookable.ts';
import type { LedgerRow } from './cell.ts';
import { CELL_WORD, CELL_WORDS, assertCells } from './cell-columns.ts';
import type { CellColumns } from './cell-columns.ts';
import type { Outcome } from './delta.ts';
import { IntIndex } from './int-index.ts';
import { LedgerTable } from './ledger-table.ts';
import { MeasureColumns } from './measure-columns.ts';
import { StringNumbers } from './string-numbers.ts';
import type { BatchNumbers } from './string-numbers.ts';
import { ViewerSets } from './viewer-sets.ts';

/**
 * One shard's open cells: what its commits since the last `drain` add up to, by (second, dimensions, kind, disposition, reason),
 * with the ledger beside them. The live path and recovery both book through `bookCommit`, so a shard that was evicted comes
 * back to the same rows.
 */
export class CellTable {
  readonly #strings = new StringNumbers();
  readonly #cells = new IntIndex(CELL_WORDS);
  readonly #measures = new MeasureColumns();
  readonly #viewers = new ViewerSets();
  readonly #ledger: LedgerTable;
  readonly #key = new Int32Array(CELL_WORDS);

  /** `region` is the shard's home region: its ledger terms are booked there. */
  constructor({ region }: { region: string }) {
    this.#ledger = new LedgerTable(this.#strings, region);
  }

  get rowCount(): number {
    return this.#cells.size;
  }

  get ledgerRowCount(): number {
    return this.#ledger.size;
  }

  /** Books a judged batch: its events, its corrections, its edge tallies. */
  bookCommit({ batch, judgements, attributions }: BookableCommit): void {
    assert(judgements.length === batch.eventCount, 'one judgement an event');
    const numbers = this.#strings.forBatch(batch);
    for (let i = 0; i < batch.eventCount; i++) {
      this.#dimensionsOf(batch, i, numbers);
      this.#bookEvent(batch, i, judgements[i]!);
      this.#ledger.count(secondOf(batch.receivedAtMs(i)), judgements[i]!.disposition);
    }
    for (const attribution of attributions) this.correct(attribution);
    for (const tally of batch.tallies) this.tally(tally);
  }

  /** Books one change of one cell. */
  book(booking: Booking, viewer: Key64 = NO_KEY): void {
    const { dimensions } = booking;
    const key = this.#key;
    key[CELL_WORD.advertiser] = this.#strings.numberOf(dimensions.advertiserId);
    key[CELL_WORD.campaign] = this.#strings.numberOf(dimensions.campaignId);
    key[CELL_WORD.ad] = this.#strings.numberOf(dimensions.adId);
    key[CELL_WORD.creative] = this.#strings.numberOf(dimensions.creativeId);
    key[CELL_WORD.publisher] = this.#strings.numberOf(dimensions.publisherId);
    key[CELL_WORD.placement] = this.#strings.numberOf(dimensions.placementId);
    key[CELL_WORD.country] = this.#strings.numberOf(dimensions.country);
    key[CELL_WORD.device] = this.#strings.numberOf(dimensions.deviceType);
    const row = this.#rowFor(booking, booking.second, booking.costNanos);
    this.#measures.add(row, booking.count, booking.billable, booking.viewable, booking.late, booking.costNanos);
    if (booking.disposition === DISPOSITIONS.counted) this.#viewers.add(row, viewer.lo, viewer.hi);
  }

  /** Books the signed correction of a click that turned billable, in the click's own second. */
  correct({ click }: Attribution): void {
    this.book({
      second: secondOf(click.eventTimeMs),
      dimensions: click.cell,
      kind: EVENT_KINDS.click,
      disposition: DISPOSITIONS.counted,
      reason: 0,
      count: 0,
      billable: 1,
      viewable: 0,
      late: 0,
      costNanos: click.costNanos,
    });
  }

  /** Books what an edge saw: accepted events, or those refused with one code. */
  tally({ region, receivedSecond, rejection, count }: EdgeTally): void {
    this.#ledger.add({ stage: 'edge', region, receivedSecond, term: rejection === '' ? 'accepted' : rejection, count });
  }

  /** Gives every row, asserted, and begins again with none. */
  drain(): { cells: CellColumns; ledger: LedgerRow[] } {
    const rowCount = this.#cells.size;
    const cells = {
      rowCount,
      keys: this.#cells.allKeys(),
      measures: this.#measures.firstRows(rowCount),
      viewers: this.#viewers.drain(rowCount),
      texts: this.#strings.texts,
    };
    assertCells(cells);
    const ledger = this.#ledger.drain();
    this.#measures.clear();
    this.#cells.clear();
    this.#strings.forgetIfMany();
    return { cells, ledger };
  }

  #bookEvent(batch: BookableBatch, i: number, judgement: Judgement): void {
    const { disposition } = judgement;
    const counted = disposition === DISPOSITIONS.counted;
    const row = this.#rowFor(judgement, secondOf(batch.eventTimeMs(i)), judgement.costNanos);
    this.#measures.add(row, 1, Number(judgement.billable), Number(judgement.viewable), Number(counted && judgement.late), judgement.costNanos);
    if (counted) this.#viewers.add(row, batch.viewerLo(i), batch.viewerHi(i));
  }

  /** Fills the key's dimensions from the batch's own numbers. */
  #dimensionsOf(batch: BookableBatch, i: number, numbers: BatchNumbers): void {
    const key = this.#key;
    const ad = batch.adIndex(i) * 4;
    const creative = batch.creativeIndex(i);
    key[CELL_WORD.advertiser] = numbers.ads[ad]!;
    key[CELL_WORD.campaign] = numbers.ads[ad + 1]!;
    key[CELL_WORD.ad] = numbers.ads[ad + 2]!;
    key[CELL_WORD.creative] = creative === 0 ? numbers.ads[ad + 3]! : numbers.ofString(creative);
    key[CELL_WORD.publisher] = numbers.ofString(batch.publisherIndex(i));
    key[CELL_WORD.placement] = numbers.ofString(batch.placementIndex(i));
    key[CELL_WORD.country] = this.#strings.numberOfCountry(batch, i);
    key[CELL_WORD.device] = this.#strings.numberOf(batch.deviceType(i));
  }

  /** The row of this cell that can take the cost: where a sum would leave the safe integers, the cell goes on in a further row. The hub adds rows of one cell up. */
  #rowFor({ kind, disposition, reason }: Outcome, second: number, costNanos: Nanos): number {
    this.#key[CELL_WORD.second] = second;
    this.#key[CELL_WORD.outcome] = (kind << 16) | (disposition << 8) | reason;
    const row = this.#cells.rowOf(this.#key);
    return this.#measures.canAdd(row, costNanos) ? row : this.#cells.furtherRowOf(this.#key);
  }
}
