import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { FLUSH_SIGNATURE_HEADER, signFlush } from './intake/signature.ts';
import { FIXTURE_START_MS, makeFrame } from './intake/testing/frames.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const secret = (name: string): string => createHash('sha256').update(`main.hub.test ${name}`).digest('base64url');
const dataDir = mkdtempSync(join(tmpdir(), 'hub-'));
const readyFile = join(dataDir, 'ready.json');
const env = { FLUSH_KEY: secret('flush'), SNAPSHOT_KEY: secret('snapshot'), INTERNAL_TOKEN: secret('internal'), BOOTSTRAP_KEYS: JSON.stringify({ ops: secret('ops') }), UV_THREADPOOL_SIZE: '16', LOG_LEVEL: 'error' };
const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dataDir, { recursive: true, force: true });
});

async function startHub(overrides: NodeJS.ProcessEnv = {}) {
  rmSync(readyFile, { force: true });
  const child = spawn(process.execPath, [MAIN, '--port', '0', '--data-dir', dataDir, '--ready-file', readyFile], { env: { ...process.env, ...env, ...overrides }, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit');
  while (!output.includes('hub ready') && child.exitCode === null) await Promise.race([exited, delay(20)]);
  const url = /hub ready (\S+)/.exec(output)?.[1] ?? '';
  const get = async (path: string) => (await fetch(url + path, { headers: { authorization: `Bearer ${secret('ops')}` } })).json() as Promise<Record<string, unknown>>;
  const flush = async (body: Uint8Array) => {
    const headers = { [FLUSH_SIGNATURE_HEADER]: signFlush(Buffer.from(secret('flush'), 'base64url'), body, Date.now()) };
    return (await fetch(`${url}/v1/flush`, { method: 'POST', body: Buffer.from(body), headers })).status;
  };
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return (await exited)[0] as number | null;
  };
  return { child, url, get, flush, end, output: () => output };
}

type Hub = Awaited<ReturnType<typeof startHub>>;

async function settled(hub: Hub, gross: number) {
  const query = `/v1/query?metrics=gross_impressions,impressions,duplicate_impressions&from=${FIXTURE_START_MS}&to=${FIXTURE_START_MS + 3_600_000}`;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const [row] = (await hub.get(query)).rows as Record<string, number>[];
    const report = await hub.get('/v1/ops/conservation');
    if (row?.['gross_impressions'] === gross && report.inFlight === 0) return { row, report };
    await delay(50);
  }
  throw new Error(`never saw ${gross} impressions: ${hub.output()}`);
}

describe('the hub as a process', () => {
  it('counts each frame once through repeats, kill -9 and an orderly stop', async () => {
    let hub = await startHub();
    expect(JSON.parse(readFileSync(readyFile, 'utf8'))).toEqual({ hubUrl: hub.url, pid: hub.child.pid });
    for (const seq of [1, 2, 2, 1]) expect(await hub.flush(makeFrame({ seq }))).toBe(200);
    expect(await hub.flush(makeFrame({ seq: 2, events: 9 }))).toBe(409);
    const first = await settled(hub, 16);
    expect(first.row).toMatchObject({ impressions: 12, duplicate_impressions: 4 });
    for (const seq of [3, 4, 5]) await hub.flush(makeFrame({ seq }));
    await hub.end('SIGKILL');

    hub = await startHub();
    expect(await hub.flush(makeFrame({ seq: 5 }))).toBe(200);
    const { row, report } = await settled(hub, 40);
    expect(row).toMatchObject({ impressions: 30, duplicate_impressions: 10 });
    const us = (report.regions as { region: string; stages: Record<string, object>; identities: { name: string; holds: boolean }[] }[]).find(({ region }) => region === 'us');
    const terms = { accepted: 40, counted: 30, duplicate: 10, filtered: 0, held: 0 };
    expect(us?.stages).toMatchObject({ shard: terms, hub: terms, store: terms });
    // These frames carry no tallies of an edge: that identity alone must break, and be told.
    expect(us?.identities.filter(({ holds }) => !holds).map(({ name }) => name)).toEqual(['edge.accepted = shard.accepted']);
    expect(await hub.end('SIGTERM')).toBe(0);

    hub = await startHub();
    await settled(hub, 40);
    expect(await hub.get('/v1/reports/campaigns/spring/hourly')).toMatchObject({ buckets: [{ hour: '2023-11-14T22:00:00.000Z', impressions: 30, clicks: 0, spend: 0 }] });
    const latency = await hub.get('/v1/metrics/campaigns/spring/latency');
    expect(latency).toEqual({ campaignId: 'spring', ingestP95Ms: null, pipelineLagSeconds: 0 });
    await hub.end('SIGTERM');
  }, 60_000);

  it('refuses to start on a weak or missing secret, naming it and not showing it', async () => {
    for (const [name, value] of [['FLUSH_KEY', ''], ['SNAPSHOT_KEY', 'c2hvcnQ'], ['INTERNAL_TOKEN', 'A'.repeat(43)], ['BOOTSTRAP_KEYS', '{"ops":"changeme"}'], ['BOOTSTRAP_KEYS', '{"root":"x"}']] as const) {
      const hub = await startHub({ [name]: value });
      expect(hub.child.exitCode).toBe(2);
      expect(hub.output()).toContain(name);
      expect(hub.output()).not.toMatch(/changeme|\bat .*\.ts/);
    }
  }, 30_000);
});
