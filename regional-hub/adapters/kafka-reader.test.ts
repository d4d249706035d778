import type { Cluster } from 'kafkajs';
import { expect, it } from 'vitest';
import { KafkaReader } from './kafka-reader.ts';

type FetchRequest = { maxWaitTime: number; topics: { topic: string; partitions: { partition: number; fetchOffset: string }[] }[] };

/** A broker whose partitions hold so many records: it answers at once where it has any, else after the long poll. */
function brokerOf(recordsIn: Record<number, number>): Cluster {
  const fetch = async ({ maxWaitTime, topics }: FetchRequest) => {
    const responses = topics.map(({ topic, partitions }) => ({
      topicName: topic,
      partitions: partitions.map(({ partition, fetchOffset }) => ({
        partition,
        messages: Array.from({ length: Math.max(0, (recordsIn[partition] ?? 0) - Number(fetchOffset)) }, (_, i) => ({
          offset: String(Number(fetchOffset) + i),
          key: Buffer.from('shard'),
          value: Buffer.from('frame'),
        })),
      })),
    }));
    const isEmpty = responses.every(({ partitions }) => partitions.every(({ messages }) => messages.length === 0));
    await new Promise((resolve) => setTimeout(resolve, isEmpty ? maxWaitTime + 10 : 5));
    return { responses };
  };
  return {
    refreshMetadataIfNecessary: async () => undefined,
    findBroker: async () => ({ fetch }),
    findLeaderForPartitions: (_topic: string, partitions: number[]) => ({ 1: partitions }),
    connect: async () => undefined,
    refreshMetadata: async () => undefined,
    disconnect: async () => undefined,
  } as unknown as Cluster;
}

const read = (reader: KafkaReader, partition: number, waitMs: number, maxRecords = 10) =>
  reader.read({ topic: 'deltas', partition, fromOffset: 0n, maxRecords, maxBytes: 1_000_000, waitMs, signal: new AbortController().signal });

// partition 0  ── read(1 record) ─► found │ read(no wait) ──────► must find the same
// partition 1  ── waits for records that never come: every fetch lasts its whole long poll ──►
it('a read that does not wait finds what is there, though it follows another at once and the fetch under way is a long one', async () => {
  const reader = new KafkaReader(brokerOf({ 0: 3 }));
  void read(reader, 1, 60_000);
  for (let round = 0; round < 5; round++) {
    expect(await read(reader, 0, 5_000, 1)).toHaveLength(1);
    expect(await read(reader, 0, 0)).toHaveLength(3);
  }
  await reader.close();
});

it('a read that does not wait gives nothing when there is nothing', async () => {
  const reader = new KafkaReader(brokerOf({}));
  expect(await read(reader, 0, 0)).toEqual([]);
  await reader.close();
});
