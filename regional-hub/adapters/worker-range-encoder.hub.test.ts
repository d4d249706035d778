import { afterEach, describe, expect, it } from 'vitest';
import { TOPICS, type Topic } from '../log/delta-log.ts';
import { encodeRange } from '../sink/range-blocks.ts';
import { openRecord, type OpenedRecord } from '../sink/range-frames.ts';
import { sampleFrames } from '../sink/sample-frames.ts';
import type { SealedBlock } from '../../schemas/clickhouse/native/block.ts';
import { WorkerRangeEncoder } from './worker-range-encoder.ts';

const rangeOf = (topic: Topic) => ({ topic, partition: 0, minOffset: 0n, maxOffset: 5n, claimedAtMs: 1_773_100_800_000 });

/** Six frames of a topic, each record a view into one large buffer, as a log may give them. */
function framesOf(topic: Topic): OpenedRecord[] {
  const values = sampleFrames(2, 3, 200).map(({ records }) => records.find((record) => record.topic === topic)!.value);
  const together = Buffer.concat(values);
  let end = 0;
  return values.map(({ length }, i) => openRecord(topic, { offset: BigInt(i), key: '', value: together.subarray(end, (end += length)) }));
}

const asText = (blocks: readonly SealedBlock[]) => blocks.map(({ chunks, ...block }) => ({ ...block, bytes: Buffer.concat(chunks).toString('base64') }));

describe('the encoding thread', () => {
  const encoder = new WorkerRangeEncoder();
  afterEach(() => encoder.close());

  it.each(Object.values(TOPICS))('gives the blocks of %s that this thread would, and leaves the frames as they are', async (topic) => {
    const frames = framesOf(topic);
    const there = await encoder.encode('main', rangeOf(topic), frames);
    const here = await encodeRange('main', rangeOf(topic), frames);
    expect(asText(there.blocks)).toEqual(asText(here.blocks));
    expect([there.rows, there.seconds]).toEqual([here.rows, here.seconds]);
  });

  it('encodes several ranges at once, each for who asked', async () => {
    const topics = [TOPICS.deltas, TOPICS.raw, TOPICS.deltas, TOPICS.raw];
    const there = await Promise.all(topics.map((topic, i) => encoder.encode(`log-${i}`, rangeOf(topic), framesOf(topic))));
    const here = await Promise.all(topics.map((topic, i) => encodeRange(`log-${i}`, rangeOf(topic), framesOf(topic))));
    expect(there.map(({ blocks }) => asText(blocks))).toEqual(here.map(({ blocks }) => asText(blocks)));
  });

  it('says why a range cannot be encoded, and goes on', async () => {
    const [broken] = framesOf(TOPICS.raw);
    if (broken?.topic !== TOPICS.raw) throw new Error('a raw record');
    const sections = [broken, { ...broken, record: { ...broken.record, raw: Uint8Array.of(1, 2, 3) } }];
    await expect(encoder.encode('main', rangeOf(TOPICS.raw), sections)).rejects.toThrow(/unknown packing/);
    expect((await encoder.encode('main', rangeOf(TOPICS.raw), [broken])).blocks).toHaveLength(2);
  });

  it('refuses what waits when the thread ends, and begins again with the next range', async () => {
    const waiting = expect(encoder.encode('main', rangeOf(TOPICS.deltas), framesOf(TOPICS.deltas))).rejects.toThrow(expect.objectContaining({ code: 'unavailable' }));
    await encoder.close();
    await waiting;
    expect((await encoder.encode('main', rangeOf(TOPICS.deltas), framesOf(TOPICS.deltas))).rows).toBeGreaterThan(1_200);
  });
});
