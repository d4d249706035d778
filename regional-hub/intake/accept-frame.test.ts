import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TrackingError } from '../../core/errors.ts';
import { DEFAULT_FLUSH_POLICY } from '../../core/flush/policy.ts';
import { decodeAck } from '../../schemas/wire/ack.ts';
import { decodeFrame } from '../../schemas/wire/frame.ts';
import { decodeDeltasRecord, decodeRawRecord } from '../../schemas/wire/log-record.ts';
import { acceptFrame } from './accept-frame.ts';
import { FIXTURE_START_MS, makeFrame } from './testing/frames.ts';
import { FLUSH_KEY, NOW_MS, flush, openIntake, recordsIn } from './testing/intake.ts';
import type { TestIntake } from './testing/intake.ts';
import { REMEMBERED_DIGESTS } from './frame-index.ts';
import { SIGNATURE_TOLERANCE_MS, signFlush } from './signature.ts';

let directory: string;
let path: string;
let intake: TestIntake;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'edgetally-intake-'));
  path = join(directory, 'log.sqlite');
  intake = openIntake(path);
});
afterEach(async () => {
  await intake.close();
  rmSync(directory, { recursive: true });
});

describe('a frame', () => {
  it('is acknowledged with the policy of its region, and lies in the log as two records of its shard', async () => {
    const body = makeFrame({ events: 8 });
    const reply = await flush(intake, body);
    expect(reply.status).toBe(200);
    expect(decodeAck(reply.body)).toEqual({ epoch: 1, ackedSeq: 1, policy: DEFAULT_FLUSH_POLICY });
    const { header, deltas, raw } = decodeFrame(body);
    const digest = createHash('sha256').update(body).digest('hex');
    const [first, second] = await recordsIn(intake);
    expect([first, second].map((entry) => entry?.record.key)).toEqual([header.shard, header.shard]);
    const { hubLedger, ...rest } = decodeDeltasRecord(first!.record.value);
    expect(rest).toEqual({ header, digest, deltas: Buffer.from(deltas) });
    expect(decodeRawRecord(second!.record.value)).toEqual({ header, digest, raw: Buffer.from(raw) });
    expect(hubLedger.filter(({ term }) => term === 'duplicate').map(({ receivedSecond, count }) => [receivedSecond - FIXTURE_START_MS / 1_000, count])).toEqual([
      [3, 1],
      [7, 1],
    ]);
    expect(hubLedger.reduce((sum, { count }) => sum + count, 0)).toBe(8);
  });

  it('that comes again is acknowledged again and not appended again, in this life and the next', async () => {
    const body = makeFrame();
    const first = await flush(intake, body);
    expect(await flush(intake, body)).toEqual({ ...first, outcome: 'repeated' });
    await intake.close();
    intake = openIntake(path);
    expect(await flush(intake, body)).toEqual({ ...first, outcome: 'repeated' });
    expect(await recordsIn(intake)).toHaveLength(2);
  });

  it('of the same name with other bytes is a conflict, and the log keeps the first', async () => {
    await flush(intake, makeFrame({ events: 8 }));
    const reply = await flush(intake, makeFrame({ events: 9 }));
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([409, 'frame_conflict']);
    expect(await recordsIn(intake)).toHaveLength(2);
  });

  it('of a lower epoch is refused, of a higher one begins anew anywhere', async () => {
    await flush(intake, makeFrame({ epoch: 5, seq: 3 }));
    const stale = await flush(intake, makeFrame({ epoch: 4, seq: 4 }));
    expect([stale.status, JSON.parse(stale.body)]).toMatchObject([409, { code: 'stale_epoch', epoch: 5 }]);
    expect(decodeAck((await flush(intake, makeFrame({ epoch: 6, seq: 2 }))).body)).toMatchObject({ epoch: 6, ackedSeq: 2 });
    const otherBytes = await flush(intake, makeFrame({ epoch: 6, seq: 3, events: 1 }));
    expect(otherBytes.status).toBe(200);
  });

  it('after a gap is refused where one hub has the log, and taken where several share it', async () => {
    await flush(intake, makeFrame({ seq: 1 }));
    const reply = await flush(intake, makeFrame({ seq: 3 }));
    expect([reply.status, JSON.parse(reply.body)]).toMatchObject([409, { code: 'frame_gap', expectedSeq: 2 }]);
    const shared = { ...intake, gaps: 'accepted' as const };
    expect(decodeAck((await flush(shared, makeFrame({ seq: 3 }))).body).ackedSeq).toBe(3);
    expect((await flush(shared, makeFrame({ seq: 2 }))).outcome).toBe('appended');
    expect(decodeAck((await flush(shared, makeFrame({ seq: 3 }))).body).ackedSeq).toBe(3);
  });

  it('so old that its digest is forgotten is appended again rather than taken on trust', async () => {
    const [shard, epoch, digest] = ['live.us.e0.0.0', 1, 'a'.repeat(64)];
    await intake.index.begin({ shard, epoch, seq: 1, digest });
    await Promise.all(Array.from({ length: REMEMBERED_DIGESTS + 1 }, (_, i) => intake.index.advance({ shard, epoch, seq: i + 1, digest })));
    expect((await flush(intake, makeFrame({ seq: 2 }))).outcome).toBe('frame_conflict');
    const reply = await flush(intake, makeFrame({ seq: 1 }));
    expect(reply.outcome).toBe('appended');
    expect(decodeAck(reply.body).ackedSeq).toBe(REMEMBERED_DIGESTS + 1);
  });

  it('is appended once when its copies arrive together', async () => {
    const body = makeFrame();
    const replies = await Promise.all(Array.from({ length: 10 }, () => flush(intake, body)));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
    expect(replies.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
    expect(await recordsIn(intake)).toHaveLength(2);
  });

  it('that was appended when the hub died before it noted so is appended twice, and then known', async () => {
    const body = makeFrame();
    const forgetful = { ...intake, index: { ...intake.index, advance: () => Promise.reject(new TrackingError('storage_failed', 'died')) } };
    expect((await flush(forgetful, body)).status).toBe(503);
    expect((await flush(intake, body)).outcome).toBe('appended');
    expect((await flush(intake, body)).outcome).toBe('repeated');
    expect(await recordsIn(intake)).toHaveLength(4);
  });

  it('that was appended unheard makes earlier epochs stale all the same, and is appended again, and goes on', async () => {
    const unheard = { ...intake, log: { ...intake.log, appendBatch: (records: Parameters<typeof intake.log.appendBatch>[0]) => intake.log.appendBatch(records).then(() => Promise.reject(new TrackingError('unavailable', 'timed out'))) } };
    const body = makeFrame({ epoch: 5, seq: 3 });
    expect((await flush(unheard, body)).status).toBe(503);
    const stale = await flush(intake, makeFrame({ epoch: 4, seq: 1 }));
    expect([stale.status, JSON.parse(stale.body)]).toMatchObject([409, { code: 'stale_epoch', epoch: 5 }]);
    expect((await flush(intake, body)).outcome).toBe('appended');
    expect(decodeAck((await flush(intake, makeFrame({ epoch: 5, seq: 4 }))).body)).toMatchObject({ epoch: 5, ackedSeq: 4 });
  });

  it('waits with its shard while the log is down', async () => {
    const down = { ...intake, log: { ...intake.log, appendBatch: () => Promise.reject(new TrackingError('unavailable', 'no broker')) } };
    const body = makeFrame();
    const reply = await flush(down, body);
    expect([reply.status, JSON.parse(reply.body).code]).toEqual([503, 'unavailable']);
    expect((await flush(intake, body)).outcome).toBe('appended');
  });
});

describe('a signature', () => {
  it('must be there, of this key, for this body and of these minutes', async () => {
    const body = makeFrame();
    const otherKey = FLUSH_KEY.map((byte) => byte + 1);
    const good = signFlush(FLUSH_KEY, body, NOW_MS);
    const bad = [
      undefined,
      '',
      'v1=00',
      good.slice(0, -1),
      `${good}00`,
      good.toUpperCase(),
      `t=${NOW_MS + 1}${good.slice(good.indexOf(','))}`,
      signFlush(otherKey, body, NOW_MS),
      signFlush(FLUSH_KEY, makeFrame({ shard: 'live.us.e0.1.0' }), NOW_MS),
      signFlush(FLUSH_KEY, body, NOW_MS - SIGNATURE_TOLERANCE_MS - 1),
      signFlush(FLUSH_KEY, body, NOW_MS + SIGNATURE_TOLERANCE_MS + 1),
    ];
    for (const signatureHeader of bad) {
      const reply = await acceptFrame(intake, { body, signatureHeader, nowMs: NOW_MS });
      expect([signatureHeader, reply.status]).toEqual([signatureHeader, 401]);
    }
    expect((await acceptFrame(intake, { body, signatureHeader: good, nowMs: NOW_MS + SIGNATURE_TOLERANCE_MS })).status).toBe(200);
  });

  it('of either key counts while one replaces the other', async () => {
    const body = makeFrame();
    const newKey = FLUSH_KEY.map((byte) => byte + 1);
    const rotating = { ...intake, flushKeys: [newKey, FLUSH_KEY] };
    expect((await acceptFrame(rotating, { body, signatureHeader: signFlush(newKey, body, NOW_MS), nowMs: NOW_MS })).outcome).toBe('appended');
    expect((await acceptFrame(rotating, { body, signatureHeader: signFlush(FLUSH_KEY, body, NOW_MS), nowMs: NOW_MS })).outcome).toBe('repeated');
  });
});
