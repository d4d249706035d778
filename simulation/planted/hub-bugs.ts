import type { IntakeDeps } from '../../regional-hub/intake/accept-frame.ts';
import type { DeltaLog, PartitionLease } from '../../regional-hub/log/delta-log.ts';
import type { SinkStore } from '../../regional-hub/sink/sink-store.ts';
import { decodeDeltasRecord } from '../../schemas/wire/log-record.ts';
import type { Plant } from './plant.ts';

export const HUB_BUGS: readonly Plant[] = [
  { name: 'ack before the log', story: 'a hub acknowledges a frame whose append has failed', deltaLog: (log) => ({ ...methodsOf(log), appendBatch: (records) => log.appendBatch(records).catch(() => undefined) }) },
  { name: 'half a frame', story: 'cells and events are appended one after the other, and the first is enough for an ack', deltaLog: (log) => ({ ...methodsOf(log), appendBatch: async (records) => {
    await log.appendBatch(records.slice(0, 1));
    void log.appendBatch(records.slice(1)).catch(() => undefined);
  } }) },
  { name: 'index before the log', story: 'a frame is noted as taken, then appended', intake: noteFirst },
  { name: 'no seq check', story: 'a hub appends whatever comes and the sink stores whatever is appended', intake: withoutIndex, sinkStore: withoutWatermarks },
  { name: 'watermark from memory', story: 'a new owner of a partition begins with nothing', sinkStore: withoutWatermarks },
  { name: 'watermarks up to the position', story: 'what the store has beyond the place of a log that has lost it is not looked at', sinkStore: (store) => ({
    ...store, watermarks: (lease: PartitionLease, belowOffset) => store.watermarks(lease, belowOffset ?? lease.nextOffset),
  }) },
  { name: 'claim not stored', story: 'a new life plans its ranges anew', deltaLog: (log) => leasing(log, (lease) => ({ ...leaseMethods(lease), claim: async () => undefined, finish: async (range) => {
    if (lease.nextOffset > range.maxOffset) return;
    await lease.claim(range);
    await lease.finish(range);
  } })) },
  { name: 'finished before it is stored', story: 'the offset is committed first, then the rows', deltaLog: (log) => leasing(log, (lease) => ({ ...leaseMethods(lease), claim: async (range) => {
    if (lease.nextOffset > range.maxOffset) return;
    await lease.claim(range);
    await lease.finish(range);
  }, finish: async () => undefined })) },
  { name: 'overdue in silence', story: 'a range that landed long after its claim is not noted', sinkStore: (store) => ({ ...store, noteOverdue: async () => undefined }) },
  { name: 'claim stamped anew', story: 'a repeat makes its own token', deltaLog: (log) => leasing(log, (lease) => ({ ...leaseMethods(lease), unfinished: lease.unfinished && { ...lease.unfinished, claimedAtMs: lease.unfinished.claimedAtMs + 1 }, finish: (range) => lease.finish(lease.unfinished?.maxOffset === range.maxOffset ? lease.unfinished : range) })) },
];

function methodsOf(log: DeltaLog): DeltaLog {
  return { ensureTopics: () => log.ensureTopics(), appendBatch: (records) => log.appendBatch(records), consume: (onLease) => log.consume(onLease), lag: () => log.lag(), close: () => log.close() };
}

function leasing(log: DeltaLog, bend: (lease: PartitionLease) => PartitionLease): DeltaLog {
  return { ...methodsOf(log), consume: (onLease) => log.consume((lease) => onLease(bend(lease))) };
}

function leaseMethods(lease: PartitionLease): PartitionLease {
  return {
    topic: lease.topic,
    partition: lease.partition,
    unfinished: lease.unfinished,
    get lost() {
      return lease.lost;
    },
    get nextOffset() {
      return lease.nextOffset;
    },
    read: (options) => lease.read(options),
    claim: (range) => lease.claim(range),
    finish: (range) => lease.finish(range),
  };
}

function withoutIndex(deps: IntakeDeps): IntakeDeps {
  return { ...deps, index: { ...deps.index, positionOf: () => null, digestOf: () => null } };
}

function withoutWatermarks(store: SinkStore): SinkStore {
  return { ...store, watermarks: async () => new Map() };
}

/** The index hears of a frame as soon as it is asked about it. */
function noteFirst(deps: IntakeDeps): IntakeDeps {
  const { index, log } = deps;
  const appendBatch: DeltaLog['appendBatch'] = async (records) => {
    const [first] = records;
    if (first !== undefined) await index.advance(entryOf(first.value));
    await log.appendBatch(records);
  };
  return { ...deps, log: { ...methodsOf(log), appendBatch } };
}

function entryOf(record: Uint8Array) {
  const { header, digest } = decodeDeltasRecord(record);
  return { shard: header.shard, epoch: header.epoch, seq: header.seq, digest };
}
