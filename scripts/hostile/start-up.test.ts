import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfig as readEdgeConfig, type EdgeSettings } from '../../edge-worker/config.ts';
import { loadSecrets } from '../../local/secrets.ts';
import { readConfig as readHubConfig } from '../../regional-hub/config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'edgetally-start-'));
afterAll(() => rmSync(directory, { recursive: true }));

const secret = () => randomBytes(32).toString('base64url');
const BAD: Readonly<Record<string, string>> = {
  empty: '',
  short: randomBytes(16).toString('base64url'),
  'a sample': 'this-is-only-an-example-key-0123456789-abcdef',
  'one letter': 'A'.repeat(43),
  'a counter': Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('base64url'),
  'no base64url': `${'!'.repeat(43)}`,
};
const badOnes = Object.entries(BAD);

/** The message of what was thrown; fails when nothing was. */
function refusal(start: () => unknown): string {
  try {
    start();
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad_configuration' });
    return (error as Error).message;
  }
  throw new Error('it started');
}

describe('an edge does not start', () => {
  const good = (): EdgeSettings => ({ POP: 'us', REGIONS: '["us"]', SNAPSHOT_KEY: secret(), VIEWER_KEY: secret(), TOKEN_KEYS: tokenKeys(secret(), secret()) });
  const tokenKeys = (...secrets: string[]) => JSON.stringify(secrets.map((text, i) => ({ kid: i + 1, secret: text })));

  test.each(badOnes)('with a secret that is %s', (_name, bad) => {
    readEdgeConfig(good());
    for (const settings of [{ SNAPSHOT_KEY: bad }, { VIEWER_KEY: bad }, { TOKEN_KEYS: tokenKeys(secret(), bad) }]) {
      const message = refusal(() => readEdgeConfig({ ...good(), ...settings }));
      expect(message).toContain(Object.keys(settings)[0]);
      if (bad !== '') expect(message).not.toContain(bad);
    }
  });

  test('with one secret for two purposes', () => {
    const twin = secret();
    for (const settings of [{ SNAPSHOT_KEY: twin, VIEWER_KEY: twin }, { VIEWER_KEY: twin, TOKEN_KEYS: tokenKeys(secret(), twin) }, { TOKEN_KEYS: tokenKeys(twin, twin) }]) {
      expect(refusal(() => readEdgeConfig({ ...good(), ...settings }))).not.toContain(twin);
    }
  });
});

describe('a hub does not start', () => {
  const good = () => ({ FLUSH_KEY: secret(), SNAPSHOT_KEY: secret(), INTERNAL_TOKEN: secret(), BOOTSTRAP_KEYS: JSON.stringify({ ops: secret(), ingest: secret() }) });
  const read = (over: object) => readHubConfig(['node', 'hub'], { ...good(), ...over });

  test.each(badOnes)('with a secret that is %s', (_name, bad) => {
    read({ FLUSH_KEY: `${secret()},${secret()}` });
    for (const settings of [{ FLUSH_KEY: bad }, { FLUSH_KEY: `${secret()},${bad}` }, { SNAPSHOT_KEY: bad }, { INTERNAL_TOKEN: bad }, { BOOTSTRAP_KEYS: JSON.stringify({ ops: bad }) }]) {
      const message = refusal(() => read(settings));
      expect(message).toContain(Object.keys(settings)[0]);
      if (bad !== '') expect(message).not.toContain(bad);
    }
  });

  test('with one secret for two purposes', () => {
    const twin = secret();
    const keys = JSON.stringify({ ops: twin, ingest: twin });
    for (const settings of [{ FLUSH_KEY: twin, SNAPSHOT_KEY: twin }, { FLUSH_KEY: `${twin},${twin}` }, { INTERNAL_TOKEN: twin, FLUSH_KEY: twin }, { BOOTSTRAP_KEYS: keys }, { INTERNAL_TOKEN: twin, BOOTSTRAP_KEYS: JSON.stringify({ ops: twin }) }]) {
      expect(refusal(() => read(settings))).not.toContain(twin);
    }
  });

  test('as a process either: it says which setting, not what is in it, and ends', () => {
    const { status, stderr } = spawnSync(process.execPath, ['regional-hub/main.ts', '--port', '0', '--data-dir', join(directory, 'hub')], {
      cwd: root,
      env: { ...process.env, ...good(), FLUSH_KEY: BAD['short'] },
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining('FLUSH_KEY has 16 bytes')]);
    expect(stderr).not.toContain(BAD['short']);
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
  });
});

describe('the local network does not start', () => {
  test.each(badOnes)('over a secrets file with one that is %s', (name, bad) => {
    const dataDir = join(directory, name);
    mkdirSync(dataDir);
    const made = loadSecrets(dataDir);
    expect(loadSecrets(dataDir)).toEqual(made);
    writeFileSync(join(dataDir, 'secrets.json'), JSON.stringify({ ...made, flushKey: bad }));
    expect(refusal(() => loadSecrets(dataDir))).toContain('flushKey');
    writeFileSync(join(dataDir, 'secrets.json'), JSON.stringify({ ...made, flushKey: made.viewerKey }));
    expect(refusal(() => loadSecrets(dataDir))).toContain('same secret');
  });
});
