import { assert } from '../../core/errors.ts';
import type { FrameDigest } from '../../schemas/wire/log-record.ts';
import type { FrameEntry, FrameIndex, ShardPosition } from '../intake/frame-index.ts';
import { REMEMBERED_DIGESTS } from '../intake/frame-index.ts';
import type { LogDatabase } from './sqlite-log-database.ts';

/** The frame index in a log's database, or in a small one of its own. Entries of one turn share a commit. */
export function createSqliteFrameIndex({ sqlite, writer }: LogDatabase): FrameIndex {
  const position = sqlite.prepare<[string], { epoch: number; last_seq: number }>('SELECT epoch, last_seq FROM frame_positions WHERE shard = ?');
  const digest = sqlite.prepare<[string, number], { digest: Buffer }>('SELECT digest FROM frame_digests WHERE shard = ? AND seq = ?');
  const setPosition = sqlite.prepare('REPLACE INTO frame_positions (shard, epoch, last_seq) VALUES (?, ?, ?)');
  const setDigest = sqlite.prepare('REPLACE INTO frame_digests (shard, seq, digest) VALUES (?, ?, ?)');
  const forgetEpoch = sqlite.prepare('DELETE FROM frame_digests WHERE shard = ?');
  const forgetOld = sqlite.prepare('DELETE FROM frame_digests WHERE shard = ? AND seq <= ?');

  const positionOf = (shard: string): ShardPosition | null => {
    const row = position.get(shard);
    return row === undefined ? null : { epoch: row.epoch, lastSeq: row.last_seq };
  };

  const begin = ({ shard, epoch, seq }: FrameEntry): void => {
    forgetEpoch.run(shard);
    setPosition.run(shard, epoch, seq - 1);
  };

  const record = ({ shard, epoch, seq, digest }: FrameEntry): void => {
    const known = positionOf(shard);
    assert(known?.epoch === epoch, 'an epoch is begun before its frames are in the log');
    const lastSeq = Math.max(known.lastSeq, seq);
    setPosition.run(shard, epoch, lastSeq);
    setDigest.run(shard, seq, Buffer.from(digest, 'hex'));
    forgetOld.run(shard, lastSeq - REMEMBERED_DIGESTS);
  };

  return {
    positionOf,
    digestOf: (shard, seq): FrameDigest | null => digest.get(shard, seq)?.digest.toString('hex') ?? null,
    begin: (entry) => writer.write(() => begin(entry)),
    advance: (entry) => writer.write(() => record(entry)),
  };
}
