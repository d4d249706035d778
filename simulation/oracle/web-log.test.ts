import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createKeyHasher } from '../../core/hash.ts';
import { judgeBatch } from '../../core/judgement/judge-batch.ts';
import { MapColdStore } from '../../core/memory/map-cold-store.ts';
import { ShardMemory } from '../../core/memory/shard-memory.ts';
import { askOracle, type OracleEvent, totalsOf } from './naive-oracle.ts';
import { outcomesOf, plainBatch } from './plain-batch.ts';

/** Two days of a web server's log, with figures that somebody else computed; not part of every checkout. */
const FOLDER = new URL('../../../shared/data/logs/', import.meta.url);
const LOG = new URL('elastic_apache_2015-05-17_18.log.gz', FOLDER);
const EXPECTED = new URL('elastic_apache_2015-05-17_18.expected.json', FOLDER);
const isHere = existsSync(LOG) && existsSync(EXPECTED);
if (!isHere) console.log('skipped: the web log is not beside this checkout');

type Line = { ip: string; timeMs: number; path: string; agent: string };
type Expected = { dedup: Record<'ip+path' | 'ip+ua' | 'ip+ua+path', { counted: Record<string, { greedy_lt: number }> }> };

const WINDOWS_MS = { '1s': 1_000, '10s': 10_000, '30s': 30_000, '60s': 60_000, '5m': 300_000, '15m': 900_000, '1h': 3_600_000, '24h': 86_400_000 };
/** A request's viewer and ad, for each way to tell them apart. */
const IDENTITIES = {
  'ip+path': (line: Line) => ({ viewer: line.ip, adId: line.path }),
  'ip+ua': (line: Line) => ({ viewer: `${line.ip} ${line.agent}`, adId: 'site' }),
  'ip+ua+path': (line: Line) => ({ viewer: `${line.ip} ${line.agent}`, adId: line.path }),
};

describe.skipIf(!isHere)('clicks of a real web log', async () => {
  const hasher = await createKeyHasher(42n);
  const lines = isHere ? readLog() : [];
  const expected = isHere ? (JSON.parse(readFileSync(EXPECTED, 'utf8')) as Expected) : undefined;

  for (const [name, identify] of Object.entries(IDENTITIES)) {
    for (const [label, clickWindowMs] of Object.entries(WINDOWS_MS)) {
      test(`count once a window of ${label} for each ${name}`, () => {
        const events = lines.map((line, at): OracleEvent => ({ kind: 'click', eventId: `line-${at}`, eventClaimMs: line.timeMs, receivedAtMs: line.timeMs, ...identify(line) }));
        const windows = { clickWindowMs, idempotencyWindowMs: 86_400_000, attributionWindowMs: 1_800_000 };
        const { judgements, attributions } = judgeBatch(plainBatch(events, windows, hasher), new ShardMemory(new MapColdStore()));
        const outcomes = outcomesOf(events, judgements, attributions);
        const counted = outcomes.filter((outcome) => outcome.disposition === 'counted').length;
        expect(counted).toBe(expected!.dedup[name as keyof typeof IDENTITIES].counted[label]!.greedy_lt);
      });
    }
  }

  test('come to the same totals per ad and hour as the oracle, in order and with each batch sent twice', () => {
    const windows = { clickWindowMs: 3_600_000, idempotencyWindowMs: 86_400_000, attributionWindowMs: 1_800_000 };
    const once = lines.slice(0, 1_500).map((line, at): OracleEvent => ({ kind: 'click', eventId: `line-${at}`, eventClaimMs: line.timeMs, receivedAtMs: line.timeMs, ...IDENTITIES['ip+ua+path'](line) }));
    const events: OracleEvent[] = [];
    for (let from = 0; from < once.length; from += 100) events.push(...once.slice(from, from + 100), ...once.slice(from, from + 100));
    const { judgements, attributions } = judgeBatch(plainBatch(events, windows, hasher), new ShardMemory(new MapColdStore()));
    expect(totalsOf(events, outcomesOf(events, judgements, attributions))).toEqual(totalsOf(events, askOracle(events, windows)));
  }, 30_000);
});

function readLog(): Line[] {
  const text = gunzipSync(readFileSync(LOG)).toString('utf8');
  return text.split('\n').filter(Boolean).map(parseLine).sort((a, b) => a.timeMs - b.timeMs);
}

function parseLine(line: string): Line {
  const match = /^(\S+) \S+ \S+ \[(\d+)\/(\w+)\/(\d+):(\d+:\d+:\d+) \+0000\] "\S+ (\S+)[^"]*" \d+ \S+ "[^"]*" "?(.*?)"?$/.exec(line);
  if (match === null) throw new Error(`a line that is no request: ${line}`);
  const [, ip, day, month, year, time, path, agent] = match as unknown as string[];
  return { ip: ip!, timeMs: Date.parse(`${day} ${month} ${year} ${time} UTC`), path: path!, agent: agent! };
}
