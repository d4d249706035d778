import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_FRAME_BYTES, MAX_SECTION_BYTES, decodeFrame, encodeFrame } from '../../schemas/wire/frame.ts';
import { flushRoute } from './flush-route.ts';
import { makeFrame } from './testing/frames.ts';
import { FLUSH_KEY, NOW_MS, flush, openIntake, recordsIn } from './testing/intake.ts';
import type { TestIntake } from './testing/intake.ts';
import { signFlush } from './signature.ts';
import { WorkBudget } from './work-budget.ts';

const MIB = 1_048_576;

let directory: string;
let intake: TestIntake;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'edgetally-intake-'));
  intake = openIntake(join(directory, 'log.sqlite'));
});
afterEach(async () => {
  await intake.close();
  rmSync(directory, { recursive: true });
});

describe('hostile frames, signed by a shard that went mad', () => {
  it('are refused as corrupt when their header lies about what is in them', async () => {
    const lies = [
      { deltaRows: 7 },
      { ledgerRows: 9 },
      { rawEvents: 7 },
      { rawEvents: 9 },
      { firstRow: 0, lastRow: 0 },
      { firstRow: 2, lastRow: 2 },
      { deltaBytes: 10_000 },
      { rawBytes: MAX_SECTION_BYTES },
    ];
    for (const header of lies) {
      const reply = await flush(intake, makeFrame({ events: 8, header }));
      expect([header, reply.status, JSON.parse(reply.body).code]).toEqual([header, 400, 'corrupt_bytes']);
    }
    expect(await recordsIn(intake)).toHaveLength(0);
  });

  it('inflate no further than they declare', async () => {
    const bomb = gzipSync(Buffer.alloc(512 * MIB));
    const { header, raw, deltas } = decodeFrame(makeFrame());
    const before = process.memoryUsage().rss;
    for (const frame of [{ header, raw: bomb, deltas }, { header, raw, deltas: bomb }, { header: { ...header, rawBytes: MAX_SECTION_BYTES }, raw: bomb, deltas }]) {
      expect((await flush(intake, encodeFrame(frame))).outcome).toBe('corrupt_bytes');
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * MIB);
  });

  it('get a documented status whatever was done to them, and memory stays flat', { timeout: 60_000 }, async () => {
    const valid = makeFrame({ events: 40 });
    const inner = decodeFrame(valid);
    const damage = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(valid.length - 1).map((length) => valid.slice(0, length)),
      fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => damaged(valid, at, byte)),
      fc.tuple(fc.nat(2_000), fc.nat(255)).map(([at, byte]) => reframed(inner, at, byte)),
    );
    const before = process.memoryUsage().rss;
    await fc.assert(
      fc.asyncProperty(damage, async (body) => {
        const reply = await flush(intake, body);
        expect([200, 400, 409]).toContain(reply.status);
        expect(JSON.parse(reply.body)).toBeTypeOf('object');
      }),
      { numRuns: 2_000 },
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * MIB);
    expect(intake.budget.bytesInHand).toBe(0);
  });
});

describe('the route', () => {
  const send = (deps: TestIntake, body: RequestInit['body'], headers: Record<string, string> = {}) =>
    flushRoute({ ...deps, clock: { nowMs: () => NOW_MS } }).request('/v1/flush', {
      method: 'POST',
      headers,
      ...(body === undefined ? {} : { body, duplex: 'half' }),
    } as RequestInit);
  const signed = (body: Uint8Array) => ({ 'x-edgetally-signature': signFlush(FLUSH_KEY, body, NOW_MS) });

  it('answers a frame with its ack', async () => {
    const body = makeFrame();
    const response = await send(intake, Buffer.from(body), signed(body));
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(await response.json()).toMatchObject({ epoch: 1, ackedSeq: 1 });
  });

  it('refuses a body that says it is too long before reading it, and one that does not say so as soon as it is', async () => {
    const sound = signed(new Uint8Array());
    const declared = await send(intake, Buffer.alloc(16), { ...sound, 'content-length': String(MAX_FRAME_BYTES + 1) });
    expect([declared.status, await declared.json()]).toMatchObject([413, { code: 'too_large' }]);
    let chunks = 0;
    const endless = new ReadableStream({
      pull(controller) {
        chunks += 1;
        controller.enqueue(new Uint8Array(MIB));
      },
    });
    expect((await send(intake, endless, sound)).status).toBe(413);
    expect(chunks).toBeLessThan(12);
    expect(intake.outcomes).toEqual(['too_large', 'too_large']);
  });

  it('answers 401 to an empty or unsigned body', async () => {
    expect((await send(intake, undefined)).status).toBe(401);
    expect((await send(intake, Buffer.from(makeFrame()))).status).toBe(401);
  });

  it('reads nothing of a stranger, and sets no room aside for him, however long he says his body is', async () => {
    let chunks = 0;
    const slow = () => new ReadableStream({ pull: () => void (chunks += 1) }, { highWaterMark: 0 });
    const forged = signFlush(FLUSH_KEY.map((byte) => byte + 1), new Uint8Array(), NOW_MS);
    const strangers = Array.from({ length: 100 }, () => send(intake, slow(), { 'content-length': String(MAX_FRAME_BYTES), 'x-edgetally-signature': forged }));
    expect(intake.budget.bytesInHand).toBe(0);
    expect((await Promise.all(strangers)).map(({ status }) => status)).toEqual(strangers.map(() => 401));
    expect(chunks).toBe(0);
  });

  it('sends shards away for a second when there is too much in hand', async () => {
    const full = { ...intake, budget: new WorkBudget(100) };
    const body = makeFrame();
    const response = await full.budget.spend(100, async () => send(full, Buffer.from(body), signed(body)));
    expect([response.status, response.headers.get('retry-after'), await response.json()]).toMatchObject([503, '1', { code: 'overloaded' }]);
  });
});

function damaged(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = byte;
  return copy;
}

/** A sound frame around a damaged section, so that the damage gets past the gzip checksum. */
function reframed({ header, deltas, raw }: ReturnType<typeof decodeFrame>, at: number, byte: number): Uint8Array {
  const section = gunzipSync(raw);
  section[at % section.length] = byte;
  return encodeFrame({ header, deltas, raw: gzipSync(section, { level: 1 }) });
}
