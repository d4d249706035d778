import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyHash } from '../../edge-worker/auth/key-hash.ts';
import { bundleWorker } from '../../local/bundle.ts';
import { renderWorkerdConfig, V8_FLAGS } from '../../local/workerd-config.ts';
import { DEFAULT_POLICY, type Ad, type Snapshot } from '../../schemas/catalogue.ts';
import { signSnapshot } from '../../schemas/snapshot.ts';
import { parseTokenKeys, TokenSigner } from '../../schemas/token.ts';
import { NullHub } from './null-hub.ts';
import { PinnedProcess, untilAnswers } from './pinned.ts';

export const workerdBinary = createRequire(import.meta.url)('workerd').default as string;

/** Secrets of a network that lives for seconds on a loopback address. */
const SECRETS = { token: secret(), snapshot: secret(), viewer: secret(), flush: secret() };
const TOKEN_KEYS = JSON.stringify([{ kid: 1, secret: SECRETS.token }]);
export const INGEST_KEY = 'bench-ingest-key';
/** An edge that hears nothing from its hub for minutes takes no events without tokens. */
const TELL_EVERY_MS = 60_000;

export type EdgeBedOptions = {
  /** Ads `ad-0`, `ad-1` …; each of another shard as chance will. */
  readonly ads?: number;
  readonly shards?: number;
  readonly salts?: number;
  readonly v8Flags?: readonly string[];
  /** How long a redirect waits for its commit; absent = as shipped. */
  readonly redirectBudgetMs?: number;
  /** Address of workerd's inspector, for a profile. */
  readonly inspector?: string;
};

/** Our edge and shards on the workerd binary, over a hub that keeps nothing. */
export class EdgeBed {
  readonly dir: string;
  readonly url: string;
  readonly workerd: PinnedProcess;
  readonly hub: NullHub;
  readonly signer = new TokenSigner(parseTokenKeys(TOKEN_KEYS));
  readonly #telling: NodeJS.Timeout;

  private constructor(parts: { dir: string; url: string; workerd: PinnedProcess; hub: NullHub; telling: NodeJS.Timeout }) {
    this.dir = parts.dir;
    this.url = parts.url;
    this.workerd = parts.workerd;
    this.hub = parts.hub;
    this.#telling = parts.telling;
  }

  static async start(options: EdgeBedOptions = {}): Promise<EdgeBed> {
    const hub = new NullHub();
    await hub.start();
    const tell = (): void => hub.publish(signSnapshot(benchSnapshot(options), Buffer.from(SECRETS.snapshot, 'base64url'), Date.now()));
    tell();
    const telling = setInterval(tell, TELL_EVERY_MS).unref();
    const dir = mkdtempSync(join(tmpdir(), 'edgetally-bench-'));
    const port = await freePort();
    const configPath = await writeConfig({ dir, port, hubAddress: hub.address, options });
    const inspector = options.inspector === undefined ? [] : [`--inspector-addr=${options.inspector}`];
    const workerd = new PinnedProcess('server', workerdBinary, ['serve', '--experimental', ...inspector, configPath]);
    const bed = new EdgeBed({ dir, url: `http://127.0.0.1:${port}`, workerd, hub, telling });
    await untilAnswers(`${bed.url}/healthz`, workerd);
    return bed;
  }

  async stop(): Promise<void> {
    clearInterval(this.#telling);
    await this.workerd.stop();
    await this.hub.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Ads of one campaign, on `shards` shards. */
function benchSnapshot({ ads = 1, shards = 4, salts = 1 }: EdgeBedOptions): Snapshot {
  return {
    catalogueVersion: 1,
    issuedAtMs: 1_000,
    advertisers: [{ advertiserId: 'acme', name: 'Acme', timezone: 'UTC' }],
    publishers: [{ publisherId: 'pub-1', name: 'The News' }],
    campaigns: [{ campaignId: 'spring', advertiserId: 'acme', name: 'Spring', ...DEFAULT_POLICY }],
    ads: Array.from({ length: ads }, (_, index) => benchAd(`ad-${index}`, salts)),
    regions: ['us'],
    shardEpochs: [{ epoch: 0, sinceMs: 0, shards }],
    saltEpochs: {},
    keys: [{ keyId: 'ingest', keyHash: keyHash(INGEST_KEY), scopes: ['ingest'], signingSecret: '' }],
    signingKid: 0,
    revokedKids: [],
    dataCenterCidrs: ['198.51.100.0/24'],
  };
}

function benchAd(adId: string, salts: number): Ad {
  return {
    adId,
    campaignId: 'spring',
    creativeId: 'cr-1',
    landingUrl: 'https://shop.example/landing?c={campaign_id}&a={ad_id}',
    publisherIds: ['*'],
    format: 'banner',
    pricing: { model: 'cpc', micros: 250_000, currency: 'USD' },
    clickIdParam: 'click_id',
    salts,
    homeRegion: '',
    allowUnsigned: false,
    status: 'active',
    activeFromMs: 0,
    activeToMs: 0,
  };
}

type BedConfig = { readonly dir: string; readonly port: number; readonly hubAddress: string; readonly options: EdgeBedOptions };

async function writeConfig({ dir, port, hubAddress, options }: BedConfig): Promise<string> {
  const budget = options.redirectBudgetMs === undefined ? {} : { REDIRECT_BUDGET_MS: String(options.redirectBudgetMs) };
  const outDir = join(dir, 'workerd');
  const storageDir = join(dir, 'objects');
  for (const path of [outDir, storageDir]) mkdirSync(path, { recursive: true });
  const [edge, kv] = await Promise.all([bundleWorker('edge-worker/main.ts', outDir), bundleWorker('local/catalogue-kv.ts', outDir)]);
  const text = renderWorkerdConfig({
    edge,
    kv,
    popPorts: new Map([['us', port]]),
    hubAddress,
    internalToken: 'bench',
    storageDir,
    edgeVars: { REGIONS: '["us"]', SNAPSHOT_KEY: SECRETS.snapshot, TOKEN_KEYS, VIEWER_KEY: SECRETS.viewer, ...budget },
    shardVars: { HUB_URLS: JSON.stringify({ us: [`http://${hubAddress}`] }), FLUSH_KEY: SECRETS.flush },
    v8Flags: options.v8Flags ?? V8_FLAGS,
    // Sides take turns, and a busy shard would not be put to sleep in between: waking one up reads its log.
    preventEviction: true,
  });
  const path = join(outDir, 'bench.capnp');
  writeFileSync(path, text);
  return path;
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
