import { ShardOutbox } from '../../durable-objects/shard-outbox.ts';
import { Shard } from '../../durable-objects/shard.ts';
import { ShardStorage } from '../../durable-objects/shard-storage.ts';
import { SpillStorage } from '../../durable-objects/spill-storage.ts';
import { peekFrameHeader, decodeFrame, encodeFrame } from '../../schemas/wire/frame.ts';
import { type Plant, patched } from './plant.ts';

export const SHARD_BUGS: readonly Plant[] = [
  {
    name: 'delete before ack',
    story: 'a frame is forgotten when it has been sent, whatever the hub says',
    hubClient: (client) => ({
      send: async (frame) => {
        const outcome = await client.send(frame);
        const { epoch, seq } = peekFrameHeader(frame);
        return outcome.kind === 'failed' ? { kind: 'acked', ack: { epoch, ackedSeq: seq, policy: { maxDelayMs: 1_000, maxCells: 20_000, maxBytes: 1_048_576, maxOutboxBytes: 268_435_456 } } } : outcome;
      },
    }),
  },
  {
    name: 'frame made anew for each attempt',
    story: 'a retry is encoded again, with the time of the day in it',
    patch: () => {
      let attempt = 0;
      return patched(ShardOutbox.prototype, 'frameInFlight', (stored) => function (this: ShardOutbox) {
        const frame = decodeFrame(stored.call(this));
        return encodeFrame({ ...frame, header: { ...frame.header, createdAtMs: frame.header.createdAtMs + attempt++ } });
      });
    },
  },
  { name: 'sealed rows booked again', story: 'the mark of what is in a frame is not stored with the frame', sql: (sql) => ({ iterate: (query, ...bindings) => sql.iterate(query, ...bindings), exec: (query, ...bindings) => (query.startsWith('INSERT INTO meta') && bindings[0] === 'sealedRow' ? [] : sql.exec(query, ...bindings)) }) },
  { name: 'no mark for spilled batches', story: 'a batch that is handed over twice is recorded twice', patch: () => patched(Shard.prototype, 'hasTaken', () => () => false) },
  { name: 'batch without a name', story: 'a batch that its shard recorded without being heard is judged again when it comes from the spill queue', patch: () => patched(Shard.prototype, 'hasRecorded', () => () => false) },
  {
    name: 'names of batches lost with the object',
    story: 'a shard that wakes up does not know which batches it has recorded',
    sql: (sql) => ({ exec: (query, ...bindings) => sql.exec(query, ...bindings), iterate: (query, ...bindings) => sql.iterate(query.replace('batch_id FROM log', "'' AS batch_id FROM log"), ...bindings) }),
  },
  {
    name: 'spilled batch deleted before it is taken',
    story: 'silence of the shard is taken for consent',
    handOver: (call) => call.catch(() => undefined),
  },
  {
    name: 'spill queue forgets its line',
    story: 'only the newest batch of a shard is kept',
    patch: () => patched(SpillStorage.prototype, 'append', (append) => function (this: SpillStorage, batch) {
      const first = this.first(batch.shard);
      if (first !== undefined) this.delete(first);
      append.call(this, batch);
    }),
  },
  {
    name: 'late impression counted twice',
    story: 'the live path books a correction that recovery does not',
    patch: () => patched(ShardOutbox.prototype, 'append', (append) => function (this: ShardOutbox, commit, bytes, batchId) {
      append.call(this, { ...commit, attributions: [...commit.attributions, ...commit.attributions] }, bytes, batchId);
    }),
  },
  { name: 'flush not armed after failure', story: 'a frame that failed waits for the next event, which may never come', patch: neverAfterFailure },
  {
    name: 'log forgotten at the seal',
    story: 'rows go when their frame is stored, though memory needs them to recover',
    patch: () => patched(ShardStorage.prototype, 'sealFrame', (seal) => function (this: ShardStorage, frame, bytes) {
      this.meta.set('checkpointRow', frame.lastRow);
      seal.call(this, frame, bytes);
    }),
  },
];

/** An alarm works, and whatever it leaves undone is nobody's business. */
function neverAfterFailure(): () => void {
  return patched(ShardOutbox.prototype, 'plan', (plan) => function (this: ShardOutbox, nowMs) {
    const next = plan.call(this, nowMs);
    return next.kind === 'sleep' && this.state.attempts > 0 ? { kind: 'idle' } : next;
  });
}
