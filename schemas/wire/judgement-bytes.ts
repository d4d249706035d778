import { DISPOSITIONS } from '../../core/disposition.ts';
import type { DispositionCode, ReasonCode } from '../../core/disposition.ts';
import { assert } from '../../core/errors.ts';
import { EVENT_KINDS } from '../../core/event.ts';
import type { EventKindCode } from '../../core/event.ts';
import type { Judgement } from '../../core/judgement/judgement.ts';
import { clickCostNanos, impressionCostNanos } from '../../core/money.ts';
import type { Nanos, Pricing } from '../../core/money.ts';
import { type ByteReader, corrupt } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { REASON_LIMIT } from './event-header.ts';

/** One judgement: disposition and kind, reason, flags, a reserved byte, every reason. The cost follows from the ad's terms. */
export const JUDGEMENT_FIELDS = ['u8 disposition | kind << 4', 'u8 reason', 'u8 late | viewable << 1 | billable << 2', 'u8 reserved', 'u32 reasonMask'] as const;
export const JUDGEMENT_BYTES = 8;

const KIND_MAX = Math.max(...Object.values(EVENT_KINDS));
const FLAG = { late: 1, viewable: 2, billable: 4 } as const;

/** What a judged event costs: a billable click its CPC, a counted impression its share of the CPM. */
export function judgedCostNanos(judgement: Omit<Judgement, 'costNanos'>, pricing: Pricing): Nanos {
  if (judgement.disposition !== DISPOSITIONS.counted) return 0;
  if (judgement.kind === EVENT_KINDS.click) return judgement.billable ? clickCostNanos(pricing) : 0;
  return judgement.kind === EVENT_KINDS.impression ? impressionCostNanos(pricing) : 0;
}

/** Appends one judgement; its cost must be what its terms say. */
export function writeJudgement(writer: ByteWriter, judgement: Judgement, pricing: Pricing): void {
  const { disposition, kind, reason, late, viewable, billable } = judgement;
  const fault = judgementFault(judgement);
  if (fault !== null) assert(false, `judgement: ${fault}`);
  assert(judgement.costNanos === judgedCostNanos(judgement, pricing), 'a cost follows from terms and judgement');
  const flags = (late ? FLAG.late : 0) | (viewable ? FLAG.viewable : 0) | (billable ? FLAG.billable : 0);
  // The first four fields at once, low byte first.
  writer.u32(disposition | (kind << 4) | (reason << 8) | (flags << 16));
  writer.u32(judgement.reasonMask);
}

/** Reads one judgement. */
export function readJudgement(reader: ByteReader, pricing: Pricing): Judgement {
  const code = reader.u8();
  const reason = reader.u8();
  const flags = reader.u8();
  if (flags > (FLAG.late | FLAG.viewable | FLAG.billable) || reader.u8() !== 0) corrupt('unknown judgement flags');
  const judged = {
    disposition: (code & 0x0f) as DispositionCode,
    reason: reason as ReasonCode,
    reasonMask: reader.u32(),
    kind: (code >> 4) as EventKindCode,
    late: (flags & FLAG.late) !== 0,
    viewable: (flags & FLAG.viewable) !== 0,
    billable: (flags & FLAG.billable) !== 0,
  };
  const fault = judgementFault(judged);
  return fault === null ? { ...judged, costNanos: judgedCostNanos(judged, pricing) } : corrupt(`judgement: ${fault}`);
}

function judgementFault(judged: Omit<Judgement, 'costNanos'>): string | null {
  const { disposition, kind, reason } = judged;
  const counted = disposition === DISPOSITIONS.counted;
  if (disposition < 1 || disposition >= DISPOSITIONS.rejected) return `disposition ${disposition} is not a shard's`;
  if (kind < 1 || kind > KIND_MAX) return `unknown kind ${kind}`;
  if (reason >= REASON_LIMIT || counted !== (reason === 0)) return `reason ${reason} with disposition ${disposition}`;
  if (!counted && (judged.late || judged.viewable || judged.billable)) return 'only a counted event moves a bucket';
  if (judged.billable && kind !== EVENT_KINDS.click) return 'only a click is billable';
  if (judged.viewable && kind !== EVENT_KINDS.impression && kind !== EVENT_KINDS.viewable) return 'only an impression is viewable';
  return null;
}
