import { MAX_EPOCH_MS, SECOND_MS } from '../../core/time.ts';
import { badRequest } from '../http/request-error.ts';
import { secondOfLocalTime, type TimeZone } from './time-zone.ts';

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))?(Z|[+-]\d\d:?\d\d)?$/i;
const EPOCH_MS = /^\d{1,13}$/;
/** ISO 8601 knows years alone; read as milliseconds they would ask for everything there is. */
const YEAR_ALONE = /^(19|20|21)\d\d$/;

/**
 * Reads a query's time, ISO 8601 or epoch ms, and cuts it to whole seconds, the finest step that is counted. A time without
 * a zone of its own is meant in `zone`. Throws `RequestError` 400 naming the parameter.
 */
export function parseTimeSecond(text: string, options: { name: string; zone: TimeZone }): number {
  if (YEAR_ALONE.test(text)) throw badRequest(`parameter ${options.name}: ${text} is a year, or epoch ms? Give a date, as ${text}-01-01`);
  const second = EPOCH_MS.test(text) ? Math.floor(Number(text) / SECOND_MS) : isoSecond(text, options.zone);
  if (second === null) throw badRequest(`parameter ${options.name} must be ISO 8601 or epoch ms`);
  if (second < 0 || second > MAX_EPOCH_MS / SECOND_MS) throw badRequest(`parameter ${options.name} lies outside 1970 to 2100`);
  return second;
}

function isoSecond(text: string, zone: TimeZone): number | null {
  // A '+' that nobody encoded arrives as a space.
  const match = ISO.exec(text.replace(/(T.*) (\d\d:?\d\d)$/, '$1+$2'));
  if (match === null) return null;
  const [, date, time = '00:00', offset] = match;
  if (offset !== undefined && match[2] === undefined) return null;
  const ms = Date.parse(`${date}T${time}${normalised(offset)}`);
  if (Number.isNaN(ms) || !isOnCalendar(date as string)) return null;
  const second = Math.floor(ms / SECOND_MS);
  return offset === undefined ? secondOfLocalTime(zone, second) : second;
}

/** 30 February would silently be 2 March. */
function isOnCalendar(date: string): boolean {
  return new Date(`${date}T00:00:00Z`).toISOString().startsWith(date);
}

function normalised(offset: string | undefined): string {
  if (offset === undefined || offset.toUpperCase() === 'Z') return 'Z';
  return offset.includes(':') ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`;
}
