import { MAX_EPOCH_MS } from '../../core/time.ts';
import type { EpochMs } from '../../core/time.ts';

// Seconds may be left out; a fraction may have any length and is cut to milliseconds. A time without a zone is no instant.
const ISO_8601 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2}))$/;

/** Whether `value` is a whole number of milliseconds that we can store. */
export function isEpochMs(value: unknown): value is EpochMs {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_EPOCH_MS;
}

/** The instant that an ISO 8601 date and time with a zone names, or undefined: also for dates that no calendar has (30 February, 24:00). */
export function parseIsoInstant(text: string): EpochMs | undefined {
  const match = ISO_8601.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = [1, 2, 3, 4, 5, 6, 10, 11].map((i) => Number(match[i] ?? 0)) as [
    number, number, number, number, number, number, number, number,
  ];
  if (hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return undefined;
  const midnightMs = Date.UTC(year, month - 1, day);
  const date = new Date(midnightMs);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || date.getUTCFullYear() !== year) return undefined;
  const offsetMinutes = (match[9] === '-' ? -1 : 1) * (zoneHour * 60 + zoneMinute);
  const millisecond = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const instantMs = midnightMs + ((hour * 60 + minute - offsetMinutes) * 60 + second) * 1_000 + millisecond;
  return isEpochMs(instantMs) ? instantMs : undefined;
}
