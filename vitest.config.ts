import { createHash } from 'node:crypto';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

/** Must not be later than the newest date that the installed workerd knows. */
const COMPATIBILITY_DATE = '2026-11-01';
const NEVER = ['**/node_modules/**', '**/.edgetally/**', '**/.kafka/**'];

/** Secrets of the tests alone: 32 bytes, base64url. */
const testSecret = (name: string): string => createHash('sha256').update(`test ${name}`).digest('base64url');

/** Everything that the edge and its objects are given by their host. */
const bindings = {
  POP: 'us',
  REGIONS: JSON.stringify(['us', 'eu', 'ap']),
  HUB_URLS: JSON.stringify({ us: ['http://hub-a.test', 'http://hub-b.test'], eu: ['http://hub-eu.test'], ap: ['http://hub-ap.test'] }),
  FLUSH_KEY: testSecret('flush'),
  SNAPSHOT_KEY: testSecret('snapshot'),
  VIEWER_KEY: testSecret('viewer'),
  TOKEN_KEYS: JSON.stringify([{ kid: 1, secret: testSecret('token') }]),
  REDIRECT_BUDGET_MS: '50',
};

const durableObjects = {
  SHARDS: { className: 'AdShard', useSQLite: true },
  SPILL: { className: 'SpillQueue', useSQLite: true },
};

/** Tests of one folder inside the real runtime; `main` is the worker that exports the durable objects. */
function workerdProject(name: string, main: string, include: string[]) {
  return {
    plugins: [
      cloudflareTest({
        main,
        miniflare: {
          compatibilityDate: COMPATIBILITY_DATE,
          bindings,
          durableObjects,
          kvNamespaces: ['CATALOGUE'],
          // The hash's WebAssembly is a module to workerd; Vite would read it as a file.
          modulesRules: [{ type: 'CompiledWasm', include: ['**/*.wasm'] }],
        },
      }),
    ],
    test: { name, include, exclude: NEVER, testTimeout: 30_000 },
  };
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          include: ['**/*.test.ts'],
          exclude: [...NEVER, '**/*.workerd.test.ts'],
          // The embedded ClickHouse allows one thread of one process: every file gets a process of its own.
          pool: 'forks',
          testTimeout: 60_000,
        },
      },
      workerdProject('shard', './durable-objects/testing/worker.ts', ['durable-objects/**/*.workerd.test.ts']),
      workerdProject('edge', './edge-worker/main.ts', ['edge-worker/**/*.workerd.test.ts']),
    ],
  },
});
