import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pinned, type PinnedProcess } from '../beds/pinned.ts';
import type { LoadFile } from './load-file.ts';

/** What wrk saw. */
export type Load = {
  readonly requests: number;
  readonly durationUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Connections lost, time-outs and replies that were no success. */
  readonly failed: number;
};

export type LoadOptions = {
  readonly url: string;
  readonly file: LoadFile;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Pause of each connection before a request: what keeps the server under half load. */
  readonly pauseMs?: number;
};

/** A browser as most of them are. */
export const BROWSER = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36';

/** Whether wrk is installed. */
export function hasWrk(): boolean {
  return isInstalled('wrk');
}

/** Whether a program can be found. */
export function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Loads a server with wrk from the client's core. Throws when requests failed or went twice: a bench of errors is none. */
export async function load(options: LoadOptions): Promise<Load> {
  const { url, file, connections, seconds, headers = {}, pauseMs = 0 } = options;
  const script = fileURLToPath(new URL('./load.lua', import.meta.url));
  const all = Object.entries({ 'user-agent': BROWSER, ...headers }).flat();
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url, '--', file.method, file.path, String(pauseMs), ...all];
  const out = await run(...pinned('client', 'wrk', args));
  const json = /JSON (.*)/.exec(out)?.[1];
  if (json === undefined) throw new Error(`wrk said nothing: ${out}`);
  const seen = JSON.parse(json) as Load;
  if (seen.failed > 0) throw new Error(`${seen.failed} of ${seen.requests} requests to ${url} failed`);
  if (seen.requests === 0) throw new Error(`no request to ${url} was answered in ${seconds} s`);
  if (!file.mayRepeat && seen.requests + connections > file.count) throw new Error(`${file.count} requests were too few for ${seconds} s: ${seen.requests} were answered`);
  return seen;
}

/** Requests a second. */
export function rateOf({ requests, durationUs }: Load): number {
  return (requests * 1e6) / durationUs;
}

/** A load and what it cost the server: µs of CPU a request, all threads, user and kernel. */
export async function costOf(server: PinnedProcess, options: LoadOptions): Promise<Load & { readonly cpuUs: number }> {
  const beforeMs = server.cpuMs();
  const seen = await load(options);
  return { ...seen, cpuUs: ((server.cpuMs() - beforeMs) * 1_000) / seen.requests };
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...args], (error, stdout, stderr) => (error === null ? resolve(stdout) : reject(new Error(`${error.message} ${stderr}`))));
  });
}
