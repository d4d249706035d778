/** What a provider asks for one unit beyond what the plan includes, and when the price was read. */
export type Price = { readonly usdPerMillion: number; readonly includedPerMonth: number; readonly readOn: string; readonly source: string };

/** What is billed. `gbSeconds`: 128 MB for every second in which an object is awake. */
export const METERS = ['workerRequests', 'workerCpuMs', 'objectRequests', 'gbSeconds', 'rowsWritten', 'rowsRead', 'kvReads'] as const;
export type Meter = (typeof METERS)[number];

const WORKERS = 'developers.cloudflare.com/workers/platform/pricing';
const OBJECTS = 'developers.cloudflare.com/durable-objects/platform/pricing';
const KV = 'developers.cloudflare.com/kv/platform/pricing';

/** List prices of the paid plan, in US dollars. Change a price together with its date. */
export const PRICES: Readonly<Record<Meter, Price>> = {
  workerRequests: { usdPerMillion: 0.3, includedPerMonth: 10e6, readOn: '2026-08-03', source: WORKERS },
  workerCpuMs: { usdPerMillion: 0.02, includedPerMonth: 30e6, readOn: '2026-08-03', source: WORKERS },
  objectRequests: { usdPerMillion: 0.15, includedPerMonth: 1e6, readOn: '2026-08-03', source: OBJECTS },
  gbSeconds: { usdPerMillion: 12.5, includedPerMonth: 400_000, readOn: '2026-08-03', source: OBJECTS },
  rowsWritten: { usdPerMillion: 1, includedPerMonth: 50e6, readOn: '2026-08-03', source: OBJECTS },
  rowsRead: { usdPerMillion: 0.001, includedPerMonth: 25e9, readOn: '2026-08-03', source: OBJECTS },
  kvReads: { usdPerMillion: 0.5, includedPerMonth: 10e6, readOn: '2026-08-03', source: KV },
};
export const PLAN_USD_PER_MONTH = 5;
