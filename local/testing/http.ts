import type { ReadyFile } from './running-network.ts';
import { until } from './running-network.ts';

/** One event as `/v1/events` takes it. */
export type EventBody = Readonly<Record<string, unknown>>;
export type Row = Readonly<Record<string, string | number | null>>;

const RETRIES = 120;

/** A call with a Bearer key; gives status and parsed body, whatever the status. */
export async function call(url: string, options: { key?: string; method?: string; body?: unknown; headers?: Record<string, string> } = {}) {
  const headers: Record<string, string> = { ...options.headers };
  if (options.key !== undefined) headers.authorization = `Bearer ${options.key}`;
  if (options.body !== undefined) headers['content-type'] ??= 'application/json';
  const reply = await fetch(url, {
    method: options.method ?? 'GET',
    headers,
    redirect: 'manual',
    ...(options.body === undefined ? {} : { body: bodyOf(options.body) }),
  });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, text, json: parse(text) };
}

/** Registers a catalogue; throws on any reply but 200. */
export async function putCatalogue(info: ReadyFile, body: object): Promise<void> {
  const reply = await call(`${info.hubUrl}/v1/catalogue`, { key: info.keys.ops, method: 'PUT', body });
  if (reply.status !== 200) throw new Error(`PUT /v1/catalogue answered ${reply.status}: ${reply.text}`);
}

/** Sends a batch until it is acknowledged (202 or 409), through restarts and overload; throws on any other final reply. */
export async function postEvents(info: () => ReadyFile, events: readonly EventBody[], key: keyof ReadyFile['keys'] = 'replay') {
  for (let attempt = 0; ; attempt++) {
    const reply = await call(`${info().edgeUrl}/v1/events`, { key: info().keys[key], method: 'POST', body: { events } }).catch(() => null);
    if (reply !== null && (reply.status === 202 || reply.status === 409)) return reply.json as { accepted: number; duplicates: number; rejected: unknown[] };
    if (reply !== null && reply.status < 500) throw new Error(`POST /v1/events answered ${reply.status}: ${reply.text}`);
    if (attempt === RETRIES) throw new Error(`POST /v1/events: no acknowledgement after ${RETRIES} attempts (${reply?.status} ${reply?.text})`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** All rows of `/v1/query`. */
export async function queryRows(info: ReadyFile, parameters: Record<string, string>, key = info.keys.ops): Promise<readonly Row[]> {
  const reply = await call(`${info.hubUrl}/v1/query?${new URLSearchParams(parameters)}`, { key });
  if (reply.status !== 200) throw new Error(`GET /v1/query answered ${reply.status}: ${reply.text}`);
  return (reply.json as { rows: Row[] }).rows;
}

export type Conservation = { readonly holds: boolean; readonly inFlight: number; readonly regions: readonly unknown[] };

/** Waits until conservation holds with nothing in flight and the report stands still. */
export async function untilQuiet(info: () => ReadyFile, range: { from: string; to: string }, withinMs = 120_000): Promise<Conservation> {
  let last = '';
  let sameSince = Date.now();
  let report: Conservation | null = null;
  await until(
    async () => {
      const { hubUrl, keys } = info();
      const reply = await call(`${hubUrl}/v1/ops/conservation?${new URLSearchParams(range)}`, { key: keys.ops }).catch(() => null);
      if (reply?.status !== 200) return false;
      if (reply.text !== last) sameSince = Date.now();
      last = reply.text;
      report = reply.json as Conservation;
      return Date.now() - sameSince > 3_000 && report.holds && report.inFlight === 0;
    },
    withinMs,
    () => `conservation did not come to rest: ${last.slice(0, 4_000)}`,
  );
  return report as unknown as Conservation;
}

/** Text and bytes go as they are, everything else as JSON. */
function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return body as Uint8Array<ArrayBuffer>;
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
