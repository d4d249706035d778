import { unreachable } from '../../core/errors.ts';

const KINDS = { impressions: 'impression', clicks: 'click', conversions: 'conversion' } as const;
const DISPOSITIONS = ['gross', 'duplicate', 'filtered', 'held'] as const;
type KindMetric = keyof typeof KINDS;

/** Every metric by name. The plain kind is the net count; `gross = net + duplicate + filtered + held`. */
export const METRICS = [
  'impressions',
  'viewable_impressions',
  'clicks',
  'ctr',
  'billable_clicks',
  'spend_micros',
  'unique_users',
  'conversions',
  'gross_impressions',
  'gross_clicks',
  'gross_conversions',
  'duplicate_impressions',
  'duplicate_clicks',
  'duplicate_conversions',
  'filtered_impressions',
  'filtered_clicks',
  'filtered_conversions',
  'held_impressions',
  'held_clicks',
  'held_conversions',
  'late_impressions',
  'late_clicks',
  'late_conversions',
] as const;
export type Metric = (typeof METRICS)[number];

/** What the engine is asked for: sums of whole numbers, or a union of sketches. `ctr` and `spend_micros` are made of these, once, per row. */
export type Measure = Exclude<Metric, 'ctr' | 'spend_micros'> | 'cost_nanos';

/** True for a name of the list. */
export function isMetric(name: string): name is Metric {
  return (METRICS as readonly string[]).includes(name);
}

/** The measures that a metric is made of. */
export function measuresOf(metric: Metric): readonly Measure[] {
  if (metric === 'ctr') return ['clicks', 'impressions'];
  if (metric === 'spend_micros') return ['cost_nanos'];
  return [metric];
}

/**
 * The aggregate that yields a measure from rows of `deltas` or of a rollup, whose columns are `kind, disposition, count,
 * billable, viewable, late, cost_nanos, users`. Holds constants only, never a caller's text.
 */
export function aggregateOf(measure: Measure): string {
  switch (measure) {
    case 'viewable_impressions':
      return "sumIf(viewable, disposition = 'counted')";
    case 'billable_clicks':
      return "sumIf(billable, disposition = 'counted' AND kind = 'click')";
    case 'cost_nanos':
      return "sumIf(cost_nanos, disposition = 'counted')";
    case 'unique_users':
      return "uniqCombined64MergeIf(17)(users, disposition = 'counted')";
    case 'impressions':
    case 'clicks':
    case 'conversions':
      return `sumIf(count, disposition = 'counted' AND kind = '${KINDS[measure]}')`;
    default:
      return prefixedAggregate(measure);
  }
}

function prefixedAggregate(measure: `${'gross' | 'duplicate' | 'filtered' | 'held' | 'late'}_${KindMetric}`): string {
  const underscore = measure.indexOf('_');
  const prefix = measure.slice(0, underscore);
  const kind = KINDS[measure.slice(underscore + 1) as KindMetric];
  if (prefix === 'late') return `sumIf(late, disposition = 'counted' AND kind = '${kind}')`;
  if (prefix === 'gross') return `sumIf(count, disposition IN ('counted', 'duplicate', 'filtered', 'held') AND kind = '${kind}')`;
  if ((DISPOSITIONS as readonly string[]).includes(prefix)) return `sumIf(count, disposition = '${prefix}' AND kind = '${kind}')`;
  return unreachable(prefix as never);
}
