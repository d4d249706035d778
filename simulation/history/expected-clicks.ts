import { askOracle, totalsOf, type OracleEvent } from '../oracle/naive-oracle.ts';
import type { HistoricClick } from './mobile-clicks.ts';

const ORACLE_METRICS: Readonly<Record<string, string>> = {
  gross_click: 'gross_clicks',
  counted_click: 'clicks',
  duplicate_click: 'duplicate_clicks',
  held_click: 'held_clicks',
};

/**
 * What the oracle says of clicks in order of arrival: `<adId> <hour, ISO> <query metric>` → count, zeros left out.
 * An ad's events concern no other ad, so each ad is asked about alone.
 */
export function expectedClicks(arrivals: readonly HistoricClick[], clickWindowMs: number): Map<string, number> {
  const expected = new Map<string, number>();
  const windows = { clickWindowMs, idempotencyWindowMs: 86_400_000, attributionWindowMs: 1_800_000 };
  for (const clicks of Map.groupBy(arrivals, ({ adId }) => adId).values()) {
    const events = clicks.map(toOracle);
    for (const [name, count] of totalsOf(events, askOracle(events, windows))) {
      const [adId, hourMs, metric] = name.split(' ') as [string, string, string];
      const queried = ORACLE_METRICS[metric];
      if (queried !== undefined) expected.set(`${adId} ${new Date(Number(hourMs)).toISOString()} ${queried}`, count);
    }
  }
  return expected;
}

function toOracle(click: HistoricClick): OracleEvent {
  return {
    kind: 'click',
    eventId: click.clickId,
    adId: click.adId,
    viewer: click.userPseudoId,
    eventClaimMs: click.timestampMs,
    receivedAtMs: click.receivedAtMs,
  };
}
