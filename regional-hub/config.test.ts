import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const secret = (): string => randomBytes(32).toString('base64url');
const SECRETS = { FLUSH_KEY: secret(), SNAPSHOT_KEY: secret(), INTERNAL_TOKEN: secret() };
const read = (env: Record<string, string>) => readConfig(['node', 'main.ts'], { ...SECRETS, ...env });

test.each([
  ['KAFKA_BROKERS', 'nonsense'],
  ['KAFKA_BROKERS', 'broker-1:9092,'],
  ['CLICKHOUSE_URL', 'nonsense'],
  ['CLICKHOUSE_URL', '127.0.0.1:8123'],
  ['CLICKHOUSE_URL', 'http://'],
  ['DISK_RESERVE_MB', 'abc'],
  ['SHARD_EPOCHS', '[]'],
])('%s=%s is named, and its text is not told', (name, text) => {
  expect(() => read({ [name]: text })).toThrow(expect.objectContaining({ code: 'bad_configuration', message: expect.stringMatching(new RegExp(`^${name}((?!nonsense|abc).)*$`)) }));
});

test('brokers and a store elsewhere are taken as they are spelled', () => {
  const { kafka, clickhouse } = read({ KAFKA_BROKERS: 'kafka-1.example:9092, [::1]:9094', CLICKHOUSE_URL: 'https://user:word@store.example:8443/', CLICKHOUSE_CLUSTER: 'main' });
  expect(kafka?.brokers).toEqual(['kafka-1.example:9092', '[::1]:9094']);
  expect(clickhouse).toEqual({ url: 'https://user:word@store.example:8443/', cluster: 'main' });
  expect(read({})).toMatchObject({ kafka: null, clickhouse: null });
});
