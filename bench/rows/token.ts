import { randomBytes, webcrypto } from 'node:crypto';
import { HmacKey } from '../../core/crypto/hmac.ts';
import { parseTokenKeys, TAG_BYTES, TokenSigner, TokenVerifier } from '../../schemas/token.ts';
import { EdgeBed } from '../beds/edge-bed.ts';
import { clickTokens, driveClicks } from '../load/clicks.ts';
import { hasWrk } from '../load/wrk.ts';
import { threadCpuMs } from '../cpu-clock.ts';
import { median, short } from '../median.ts';
import type { Bench } from '../row.ts';

const TOKENS = 2_000;
const PASSES = 100;

/** What it costs to know that a token is ours. */
export const tokenBench: Bench = {
  rows: [
    { id: 'token-mac', what: 'MAC check of a token (HMAC-SHA-256 over its bytes, constant-time compare)', unit: 'µs', baselineIs: 'WebCrypto verify of the same', aim: { kind: 'atMost', limit: 2 } },
    { id: 'token-share', what: 'the same, share of a redirect\'s CPU', unit: '%', baselineIs: '', aim: { kind: 'atMost', limit: 5 } },
  ],
  async measure({ runs, wanted }) {
    const keys = parseTokenKeys(JSON.stringify([{ kid: 1, secret: randomBytes(32).toString('base64url') }]));
    const tokens = clickTokens(new TokenSigner(keys), { count: TOKENS, ads: 10 }).map(({ token }) => token);
    const bodies = tokens.map((token) => new Uint8Array(Buffer.from(token, 'base64url')).slice(0, -TAG_BYTES));
    const verifier = new TokenVerifier(keys);
    const key = new HmacKey(randomBytes(32));
    const tag = new Uint8Array(32);
    const macs: number[] = [];
    const whole: number[] = [];
    const web: number[] = [];
    for (let run = 0; run < runs; run++) {
      macs.push(timed(() => bodies.forEach((body) => key.tagInto(body, body.length, tag))));
      whole.push(timed(() => tokens.forEach((token) => verifier.verify(token, 'click'))));
      web.push(await webCryptoUs(bodies));
    }
    const macUs = median(macs);
    const note = `${bodies[0]!.length} bytes are signed; decoding, MAC and fields together ${short(median(whole))} µs`;
    const share = wanted.has('token-share') ? await redirectShare(macUs) : { skipped: 'not asked for' };
    return { 'token-mac': { value: macUs, baseline: median(web), note }, 'token-share': share };
  },
};

/** CPU of a token in µs, over enough passes for a clock that ticks in milliseconds. */
function timed(pass: () => void): number {
  pass();
  const startMs = threadCpuMs();
  for (let i = 0; i < PASSES; i++) pass();
  return ((threadCpuMs() - startMs) * 1_000) / (TOKENS * PASSES);
}

async function webCryptoUs(bodies: readonly Uint8Array<ArrayBuffer>[]): Promise<number> {
  const key = await webcrypto.subtle.importKey('raw', randomBytes(32), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
  const tags = await Promise.all(bodies.map((body) => webcrypto.subtle.sign('HMAC', key, body)));
  const startMs = performance.now();
  for (const [i, body] of bodies.entries()) await webcrypto.subtle.verify('HMAC', key, tags[i]!, body);
  return ((performance.now() - startMs) * 1_000) / bodies.length;
}

async function redirectShare(macUs: number) {
  if (!hasWrk()) return { skipped: 'wrk is not installed (Debian: apt-get install wrk)' };
  const edge = await EdgeBed.start();
  try {
    const drive = () => driveClicks(edge, { connections: 64, seconds: 2 });
    await drive();
    const { cpuUs } = await drive();
    return { value: (macUs / cpuUs) * 100, baseline: null, note: `${short(macUs)} of ${short(cpuUs)} µs` };
  } finally {
    await edge.stop();
  }
}
