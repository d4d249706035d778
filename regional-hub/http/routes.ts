import { CLICKS_PARAMETERS, HOURLY_PARAMETERS } from '../query/reports.ts';
import { QUERY_PARAMETERS, STREAM_PARAMETERS } from '../query/request.ts';
import type { Access } from './access.ts';

/** One door of the hub. The router mounts it, the guard reads `access`, `/openapi.json` tells of it. */
export type RouteSpec = {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Hono's spelling: `/v1/keys/:id`. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  /** Query parameters that it knows. */
  readonly query?: readonly string[];
  /** Example of a body that it takes, or its media type where it is not JSON. */
  readonly body?: { readonly example: unknown; readonly type?: string };
  readonly status?: 200 | 201 | 204;
  readonly replyType?: string;
  readonly replyExample?: unknown;
};

const POLICY = { maxDelayMs: 1000, maxCells: 20000, maxBytes: 1048576, maxOutboxBytes: 268435456 };
const CATALOGUE = {
  advertisers: [{ advertiserId: 'acme', name: 'Acme', timezone: 'America/New_York' }],
  publishers: [{ publisherId: 'pub-1', name: 'The News' }],
  campaigns: [{ campaignId: 'spring', advertiserId: 'acme', clickWindowMs: 60000 }],
  ads: [{ adId: 'ad-1', campaignId: 'spring', landingUrl: 'https://acme.example/x?c={campaign_id}', pricing: { model: 'cpc', micros: 250000, currency: 'USD' } }],
};
const META = { source: 'stream', watermarkMs: 1790000000000, asOf: '2026-09-21T14:13:20.000Z', version: 'live', approximate: false, suppressed: 0, cursor: null };
const RANGE = ['from', 'to'] as const;

/** Every route of the hub, by the name of its handler. */
export const ROUTES = {
  homePage: { method: 'GET', path: '/', access: 'public', summary: 'Dashboard: live totals for the holder of a key', replyType: 'text/html' },
  opsPage: { method: 'GET', path: '/ops', access: 'public', summary: 'Operators: conservation and pipeline for the holder of an ops key', replyType: 'text/html' },
  docsPage: { method: 'GET', path: '/docs', access: 'public', summary: 'This documentation', replyType: 'text/html' },
  openApi: { method: 'GET', path: '/openapi.json', access: 'public', summary: 'This documentation for machines (OpenAPI 3.1)' },
  metrics: { method: 'GET', path: '/metrics', access: 'public', summary: 'Prometheus metrics; nothing of tenants', replyType: 'text/plain' },
  healthz: { method: 'GET', path: '/healthz', access: 'public', summary: 'The process answers', replyExample: { status: 'ok' } },
  readyz: { method: 'GET', path: '/readyz', access: 'public', summary: 'Store and sink are up; 503 until then', replyExample: { status: 'ready' } },

  flush: { method: 'POST', path: '/v1/flush', access: 'shards', summary: 'A frame from a shard; signed, idempotent by (shard, epoch, seq)', body: { type: 'application/vnd.edgetally.frame', example: '(binary)' }, replyExample: { version: 1, epoch: 1, ackedSeq: 7, policy: POLICY } },
  snapshot: { method: 'GET', path: '/internal/snapshot', access: 'edges', summary: 'The signed snapshot that edges work from', replyType: 'text/plain' },

  query: { method: 'GET', path: '/v1/query', access: 'readers', summary: 'Counts by window and dimension. Tenants see no cells of too few viewers, nor unions that contain one: meta.suppressed counts them', query: QUERY_PARAMETERS, replyExample: { rows: [{ window: '2026-09-21T14:00:00.000Z', campaign_id: 'spring', clicks: 12 }], meta: META } },
  stream: { method: 'GET', path: '/v1/stream', access: 'readers', summary: 'The same rows as they change (server-sent events), at most limit of them an event, all of them absolute figures; resumes by Last-Event-ID. Several events may tell of one change: only the last has an id', query: STREAM_PARAMETERS, replyType: 'text/event-stream' },
  clicksReport: { method: 'GET', path: '/v1/metrics/clicks', access: 'readers', summary: "An ad's clicks by window. suppressed counts cells and numbers of people (null) that a tenant is not told", query: CLICKS_PARAMETERS, replyExample: { adId: 'ad-1', granularity: '1m', points: [{ windowStart: '2026-09-21T14:00:00.000Z', clicks: 3, uniqueUsers: 3, breakdown: { mobile: 3 } }], suppressed: 0 } },
  hourlyReport: { method: 'GET', path: '/v1/reports/campaigns/:id/hourly', access: 'readers', summary: 'A campaign hour by hour; spend in micros', query: HOURLY_PARAMETERS, replyExample: { campaignId: 'spring', buckets: [{ hour: '2026-09-21T14:00:00.000Z', impressions: 900, clicks: 12, spend: 3000000 }], meta: META } },
  latencyReport: { method: 'GET', path: '/v1/metrics/campaigns/:id/latency', access: 'readers', summary: "From receipt to storage, the last hour's live events", query: [], replyExample: { campaignId: 'spring', ingestP95Ms: 1400, pipelineLagSeconds: 0 } },

  putCatalogue: { method: 'PUT', path: '/v1/catalogue', access: 'operators', summary: 'Inserts and replaces, all or nothing', body: { example: CATALOGUE }, replyExample: { catalogueVersion: 7, advertisers: 1, publishers: 1, campaigns: 1, ads: 1 } },
  getCatalogue: { method: 'GET', path: '/v1/catalogue', access: 'operators', summary: 'All of it', replyExample: { catalogueVersion: 7, ...CATALOGUE } },
  getCatalogueItem: { method: 'GET', path: '/v1/catalogue/:section/:id', access: 'operators', summary: 'One advertiser, publisher, campaign or ad' },
  deleteCatalogueItem: { method: 'DELETE', path: '/v1/catalogue/:section/:id', access: 'operators', summary: 'Removes one; 409 while something points at it', replyExample: { catalogueVersion: 8 } },

  createKey: { method: 'POST', path: '/v1/keys', access: 'operators', summary: 'Makes a key and shows it this once', body: { example: { scopes: ['advertiser:acme'], name: 'dashboard', requireSignature: false } }, status: 201, replyExample: { keyId: 'key_…', key: '…' } },
  listKeys: { method: 'GET', path: '/v1/keys', access: 'operators', summary: 'Every key, without the key itself', replyExample: { keys: [{ keyId: 'key_…', name: 'dashboard', scopes: ['advertiser:acme'], requiresSignature: false, createdAtMs: 1790000000000 }] } },
  deleteKey: { method: 'DELETE', path: '/v1/keys/:id', access: 'operators', summary: 'The key is dead at once here, and at edges with their next snapshot', status: 204 },

  getFlushPolicy: { method: 'GET', path: '/v1/ops/regions/:region/flush-policy', access: 'operators', summary: "A region's flush policy", replyExample: POLICY },
  putFlushPolicy: { method: 'PUT', path: '/v1/ops/regions/:region/flush-policy', access: 'operators', summary: 'Changes the given fields; reaches shards with their next ack', body: { example: { maxDelayMs: 500 } }, replyExample: POLICY },
  flushPolicyAudit: { method: 'GET', path: '/v1/ops/regions/:region/flush-policy/audit', access: 'operators', summary: 'Who changed it, when, from what to what', replyExample: { changes: [{ changedAtMs: 1790000000000, changedBy: 'key_…', oldPolicy: POLICY, newPolicy: POLICY }] } },
  getTokenKeys: { method: 'GET', path: '/v1/ops/token-keys', access: 'operators', summary: 'Which token key signs, which are dead', replyExample: { signingKid: 2, revokedKids: [1] } },
  postTokenKeys: { method: 'POST', path: '/v1/ops/token-keys', access: 'operators', summary: 'Changes the signing key, revokes keys; edges follow within seconds', body: { example: { signingKid: 2, revokedKids: [1] } }, replyExample: { signingKid: 2, revokedKids: [1] } },
  getDataCenters: { method: 'GET', path: '/v1/ops/data-centers', access: 'operators', summary: 'CIDR blocks of data centres, one a line', replyType: 'text/plain' },
  putDataCenters: { method: 'PUT', path: '/v1/ops/data-centers', access: 'operators', summary: 'Replaces them; # begins a comment', body: { type: 'text/plain', example: '192.0.2.0/24\n2001:db8::/32\n' }, replyExample: { blocks: 2 } },
  conservation: { method: 'GET', path: '/v1/ops/conservation', access: 'operators', summary: 'Does every event that came in have exactly one fate, at every stage? By time of receipt', query: RANGE },
  pipeline: { method: 'GET', path: '/v1/ops/pipeline', access: 'operators', summary: 'Lag of the log, watermark of the store, halted shards' },
} as const satisfies Record<string, RouteSpec>;

export type RouteName = keyof typeof ROUTES;
export const ROUTE_NAMES = Object.keys(ROUTES) as readonly RouteName[];

/** The same table under the type of its rows, for those who walk it. */
export function routeSpec(name: RouteName): RouteSpec {
  return ROUTES[name];
}
