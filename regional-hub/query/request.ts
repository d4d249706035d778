import { MAX_EPOCH_MS, SECOND_MS } from '../../core/time.ts';
import { Parameters } from '../http/parameters.ts';
import { badRequest } from '../http/request-error.ts';
import { decodeCursor } from './cursor.ts';
import { DIMENSIONS, GROUP_BY_MAX, isDimension, valueFault, type Dimension } from './dimensions.ts';
import { isMetric, METRICS, type Metric } from './metrics.ts';
import { GRANULARITIES, type Filter, type Granularity, type QueryRequest } from './query-request.ts';
import type { SecondRange } from './tiles.ts';
import { parseTimeSecond } from './time-parameter.ts';
import { parseTimeZone, UTC, type TimeZone } from './time-zone.ts';

/** Most rows of one reply; a cursor leads on, in the stream the next event. */
export const ROWS_MAX = 100_000;
/** Most values that one query may filter by; every one travels to the engine. */
export const FILTER_VALUES_MAX = 1_000;

export const QUERY_PARAMETERS = ['metrics', 'group_by', 'filter', 'from', 'to', 'granularity', 'tz', 'as_of', 'limit', 'cursor'] as const;
export const STREAM_PARAMETERS = QUERY_PARAMETERS.filter((name) => name !== 'cursor');

/** Reads the parameters of `/v1/query` (or of the stream, which follows its pages by itself). Throws `RequestError` 400. */
export function parseQueryRequest(search: URLSearchParams, known: readonly string[] = QUERY_PARAMETERS): QueryRequest {
  const parameters = new Parameters(search, known, ['filter']);
  refuseOtherVersions(parameters.text('as_of'));
  const zone = parseZone(parameters);
  const request = {
    metrics: parseMetrics(parameters.list('metrics')),
    groupBy: parseGroupBy(parameters.list('group_by')),
    filters: parameters.all('filter').map(parseFilter),
    range: parseRange(parameters, zone),
    granularity: parseGranularity(parameters.text('granularity') ?? 'total'),
    zone,
    limit: parameters.integer('limit', { min: 1, max: ROWS_MAX, fallback: ROWS_MAX }),
  };
  const valueCount = request.filters.reduce((sum, filter) => sum + filter.values.length, 0);
  if (valueCount > FILTER_VALUES_MAX) throw badRequest(`at most ${FILTER_VALUES_MAX} filter values`);
  const cursor = known.includes('cursor') ? parameters.text('cursor') : undefined;
  return { ...request, after: cursor === undefined ? null : decodeCursor(cursor, request) };
}

/** The range `[from, to)` in whole seconds; open ends reach as far as time is stored. */
export function parseRange(parameters: Parameters, zone: TimeZone): SecondRange {
  const from = parameters.text('from');
  const to = parameters.text('to');
  const fromSecond = from === undefined ? 0 : parseTimeSecond(from, { name: 'from', zone });
  const toSecond = to === undefined ? MAX_EPOCH_MS / SECOND_MS : parseTimeSecond(to, { name: 'to', zone });
  if (fromSecond > toSecond) throw badRequest('from must not lie after to');
  return { fromSecond, toSecond };
}

/** The zone whose hours and days are meant; UTC when absent. */
export function parseZone(parameters: Parameters): TimeZone {
  const text = parameters.text('tz');
  if (text === undefined) return UTC;
  const zone = parseTimeZone(text);
  if (zone === null) throw badRequest('tz must be an IANA time zone such as Europe/Paris');
  return zone;
}

/** A granularity of the list. */
export function parseGranularity(text: string): Granularity {
  const granularity = GRANULARITIES.find((known) => known === text);
  if (granularity === undefined) throw badRequest(`unknown granularity; known are ${GRANULARITIES.join(', ')}`);
  return granularity;
}

/** `dimension:value|value`; the first colon divides, for ids may hold more of them. */
export function parseFilter(text: string): Filter {
  const colon = text.indexOf(':');
  const dimension = text.slice(0, Math.max(colon, 0));
  if (!isDimension(dimension)) throw badRequest(`a filter reads dimension:value|value; dimensions are ${DIMENSIONS.join(', ')}`);
  const values = [...new Set(text.slice(colon + 1).split('|'))];
  const fault = values.map((value) => valueFault(dimension, value)).find((found) => found !== null);
  if (fault !== undefined) throw badRequest(`filter ${dimension}: ${fault}`);
  return { dimension, values };
}

function parseMetrics(names: readonly string[]): readonly Metric[] {
  if (names.length === 0) throw badRequest(`parameter metrics is missing; known are ${METRICS.join(', ')}`);
  const metrics = names.filter(isMetric);
  if (metrics.length < names.length) throw badRequest(`unknown metric; known are ${METRICS.join(', ')}`);
  return metrics;
}

function parseGroupBy(names: readonly string[]): readonly Dimension[] {
  const dimensions = names.filter(isDimension);
  if (dimensions.length < names.length) throw badRequest(`unknown dimension in group_by; known are ${DIMENSIONS.join(', ')}`);
  if (dimensions.length > GROUP_BY_MAX) throw badRequest(`group_by takes at most ${GROUP_BY_MAX} dimensions`);
  return dimensions;
}

function refuseOtherVersions(asOf: string | undefined): void {
  if (asOf === undefined || asOf === 'latest') return;
  throw badRequest("as_of: only 'latest' is served: live counts have one version, the present one", 'unsupported_as_of');
}
