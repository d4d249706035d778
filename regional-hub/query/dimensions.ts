import { REASONS } from '../../core/disposition.ts';
import { DEVICE_TYPES } from '../../core/event.ts';
import { ID_PATTERN } from '../../core/ids.ts';

/** Everything a query can group by or filter on; each is a column of `deltas` and of the rollups. */
export const DIMENSIONS = [
  'advertiser_id',
  'campaign_id',
  'ad_id',
  'creative_id',
  'publisher_id',
  'placement_id',
  'country',
  'device_type',
  'region',
  'reason',
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Most dimensions of one query: each multiplies the rows. */
export const GROUP_BY_MAX = 4;

/** True for a name of the list. */
export function isDimension(name: string): name is Dimension {
  return (DIMENSIONS as readonly string[]).includes(name);
}

/** Why `value` can never occur in `dimension`, or null. '' stands for absent. A typo must not read as zero. */
export function valueFault(dimension: Dimension, value: string): string | null {
  if (value === '') return null;
  switch (dimension) {
    case 'country':
      return /^[A-Z]{2}$/.test(value) ? null : 'a country is two capital letters (ISO 3166)';
    case 'device_type':
      return (DEVICE_TYPES as readonly string[]).includes(value) ? null : `a device type is one of ${DEVICE_TYPES.join(', ')}`;
    case 'reason':
      return Object.hasOwn(REASONS, value) && value !== 'none' ? null : `a reason is one of ${Object.keys(REASONS).slice(1).join(', ')}`;
    default:
      return ID_PATTERN.test(value) ? null : 'an id is 1 to 64 of A-Z a-z 0-9 _ . : -';
  }
}
