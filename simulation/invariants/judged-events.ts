import type { Row } from '../engines/native-block.ts';
import { campaignOf } from '../hosts/catalogue.ts';
import { askOracle, type OracleEvent, type OracleOutcome } from '../oracle/naive-oracle.ts';
import type { SentEvent, Truth } from '../truth.ts';
import { markerOf } from './watch.ts';

/** A raw row, what was sent of it, and what the rules make of it. */
export type JudgedEvent = { readonly row: Row; readonly sent: SentEvent; readonly outcome: OracleOutcome };

/** A raw row whose marker nobody sent. */
export type Stray = { readonly row: Row; readonly marker: string };

/**
 * Asks the oracle about everything in the raw log. An ad's events at one shard concern each other and nobody else; they were judged in the order of their
 * commits. The received time is the edge's to give and is taken from the log; everything else is what the sender knows.
 */
export function judgeAll(rows: readonly Row[], truth: Truth): { readonly judged: JudgedEvent[]; readonly strays: Stray[] } {
  const strays: Stray[] = [];
  const known: { row: Row; sent: SentEvent }[] = [];
  for (const row of rows) {
    const marker = markerOf({ bidRequestId: String(row['bid_request_id']), referrer: String(row['referrer']) });
    const sent = truth.events.get(marker);
    if (sent === undefined) strays.push({ row, marker });
    else known.push({ row, sent });
  }
  const groups = Map.groupBy(known, ({ row }) => `${String(row['shard'])} ${String(row['epoch'])} ${String(row['ad_id'])}`);
  const judged = [...groups.values()].flatMap((group) => {
    const inOrder = group.toSorted((a, b) => Number(a.row['commit_row']) - Number(b.row['commit_row']) || Number(a.row['event_index']) - Number(b.row['event_index']));
    const outcomes = askOracle(inOrder.map(toOracle), campaignOf(String(inOrder[0]!.row['ad_id'])));
    return inOrder.map((entry, i): JudgedEvent => ({ ...entry, outcome: outcomes[i]! }));
  });
  return { judged, strays };
}

function toOracle({ row, sent }: { readonly row: Row; readonly sent: SentEvent }): OracleEvent {
  const receivedAtMs = Number(row['received_at']);
  return {
    kind: sent.kind,
    eventId: sent.eventId,
    adId: sent.adId,
    viewer: String(row['viewer']) === '0' ? '' : String(row['viewer']),
    eventClaimMs: sent.claimedAtMs ?? receivedAtMs,
    receivedAtMs,
    viewable: sent.isViewable,
    tokenBound: sent.token !== null,
    screened: sent.isScreened || (sent.token !== null && receivedAtMs >= sent.token.expiresAtMs),
    ...(sent.kind === 'click' && sent.impressionId !== '' ? { impressionId: sent.impressionId } : {}),
  };
}
