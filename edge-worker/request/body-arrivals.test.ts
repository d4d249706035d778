import { expect, test } from 'vitest';
import { BodyArrivals } from './body-arrivals.ts';
import { readSent } from './body.ts';

const KIB = 1_024;
const part = (bytes: number, filler = 7) => new Uint8Array(bytes).fill(filler);

test('what came in parts is whole again, whatever their sizes', () => {
  const arrival = new BodyArrivals().begin();
  const sizes = [1, 5, 4_096, 1, 70_000, 3];
  expect(sizes.every((bytes, i) => arrival.add(part(bytes, i)))).toBe(true);
  expect([...arrival.end()]).toEqual(sizes.flatMap((bytes, i) => [...part(bytes, i)]));
});

test('the oldest gives way when room is short, and nobody else', () => {
  const arrivals = new BodyArrivals(100 * KIB);
  const [slow, second, third] = [arrivals.begin(), arrivals.begin(), arrivals.begin()];
  for (const arrival of [slow, second, third]) expect(arrival.add(part(40 * KIB))).toBe(true);
  expect(slow.add(part(1))).toBe(false);
  expect(second.add(part(10 * KIB))).toBe(true);
  expect([second.end().length, third.end().length]).toEqual([50 * KIB, 40 * KIB]);
});

test('what has ended takes no room; what fell silent gives its own', () => {
  const arrivals = new BodyArrivals(100 * KIB);
  for (let i = 0; i < 10; i++) expect(arrivals.begin().add(part(90 * KIB))).toBe(true);
  for (let i = 0; i < 10; i++) {
    const arrival = arrivals.begin();
    expect(arrival.add(part(60 * KIB))).toBe(true);
    arrival.end();
  }
  expect(arrivals.begin().add(part(100 * KIB))).toBe(true);
});

test('a request that had to give way is told to come again', async () => {
  const arrivals = new BodyArrivals(100 * KIB);
  const slow = new TransformStream<Uint8Array, Uint8Array>();
  const writer = slow.writable.getWriter();
  const body = bytesOf(slow.readable);
  const request = new Request('https://edge.example/', { method: 'POST', body, duplex: 'half' } as RequestInit);
  const read = readSent(request, 1_000 * KIB, arrivals);
  await writer.write(part(60 * KIB));
  await expect.poll(() => arrivals.byteLength).toBe(60 * KIB);
  expect(arrivals.begin().add(part(60 * KIB))).toBe(true);
  await writer.write(part(1));
  expect(await read).toMatchObject({ ok: false, flaw: { status: 503, code: 'overloaded' } });
});

test('a long body is read whole, in whatever parts it comes', async () => {
  const bytes = Uint8Array.from({ length: 300_001 }, (_, i) => i % 251);
  const request = new Request('https://edge.example/', { method: 'POST', body: bytes, headers: { 'content-length': String(bytes.length) } });
  const arrivals = new BodyArrivals();
  const sent = await readSent(request, 1_000 * KIB, arrivals);
  expect(sent.ok && Buffer.compare(sent.raw, bytes)).toBe(0);
  expect(arrivals.byteLength).toBe(0);
});

/** A stream of bytes, as a runtime's request has it. */
function bytesOf(source: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}
