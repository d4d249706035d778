import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parseEvent } from '../event-json.ts';
import { realData } from '../testing/real-data.ts';
import { textNestsDeeper, valueNestsDeeper } from './depth.ts';
import { MAX_EVENTS_PER_BODY, UnreadableLine, parseEventsBody } from './events-body.ts';

const event = { eventType: 'click', clickId: 'c', adId: 'a' };
const json = JSON.stringify(event);
const JSON_TYPE = 'application/json; charset=utf-8';
const NDJSON = 'application/x-ndjson';

describe('a body', () => {
  test.each([
    ['one event', json, JSON_TYPE, [event]],
    ['a list of events', JSON.stringify({ events: [event, 5] }), JSON_TYPE, [event, 5]],
    ['lines', `${json}\n${json}\r\n\n`, NDJSON, [event, event]],
    ['one event as text', json, 'text/plain;charset=UTF-8', [event]],
    ['a list as text', JSON.stringify({ events: [event] }), 'text/plain', [event]],
    ['lines as text', `${json}\n${json}`, 'text/plain', [event, event]],
    ['no type', `${json}\n${json}\n`, null, [event, event]],
    ['an indented event', JSON.stringify(event, null, 2), 'text/plain', [event]],
    ['a byte order mark', `\ufeff${json}`, JSON_TYPE, [event]],
    ['capitals', json, 'Application/JSON', [event]],
  ])('of %s', (_, text, type, items) => {
    expect(parseEventsBody(text, type)).toEqual({ ok: true, items });
  });

  test('of lines keeps the place of one that is not JSON, so that its rejection carries its index', () => {
    const body = parseEventsBody(`${json}\n{"bad\n${json}`, NDJSON);
    expect(body).toMatchObject({ ok: true, items: [event, expect.any(UnreadableLine), event] });
    if (body.ok) expect(parseEvent(body.items[1])).toEqual({ ok: false, code: 'malformed', message: 'the line is not JSON' });
  });

  test.each([
    ['', JSON_TYPE], ['   ', JSON_TYPE], ['', NDJSON], ['\n\n', 'text/plain'], ['{', JSON_TYPE], [`${json}\n${json}`, JSON_TYPE], ['nonsense', 'text/plain'], ['x\ny', NDJSON],
    ['[]', JSON_TYPE], [`[${json}]`, JSON_TYPE], ['null', JSON_TYPE], ['1', JSON_TYPE], ['"x"', JSON_TYPE], ['{"events":{}}', JSON_TYPE], ['{"events":[]}', JSON_TYPE], ['{"events":null}', JSON_TYPE],
  ])('%j of %s is refused with 400', (text, type) => {
    expect(parseEventsBody(text, type)).toMatchObject({ ok: false, status: 400, code: 'malformed' });
  });

  test('holds 1 000 events and not one more', () => {
    const many = (n: number) => Array.from({ length: n }, () => event);
    for (const [n, ok] of [[MAX_EVENTS_PER_BODY, true], [MAX_EVENTS_PER_BODY + 1, false]] as const) {
      const status = ok ? { ok: true } : { ok: false, status: 413, code: 'too_large' };
      expect(parseEventsBody(JSON.stringify({ events: many(n) }), JSON_TYPE)).toMatchObject(status);
      expect(parseEventsBody(many(n).map((e) => JSON.stringify(e)).join('\n'), NDJSON)).toMatchObject(status);
    }
  });

  test('is not bent by prototype keys', () => {
    expect(parseEventsBody('{"__proto__":{"events":[1]}}', JSON_TYPE)).toMatchObject({ ok: true, items: [{}] });
  });
});

describe('a hostile body', () => {
  const MIB = 1_048_576;
  test.each([
    ['brackets', '['.repeat(MIB), 400],
    ['closed brackets', '['.repeat(MIB / 2) + ']'.repeat(MIB / 2), 400],
    ['objects', '{"a":'.repeat(MIB / 6) + '1' + '}'.repeat(MIB / 6), 400],
    ['brackets inside an event', `{"events":[{"x":${'['.repeat(MIB / 4)}${']'.repeat(MIB / 4)}}]}`, 400],
    ['brackets behind quotes', `{"x":"\\"${'['.repeat(300_000)}","y":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400],
    ['tiny events', `{"events":[${'{},'.repeat(300_000)}{}]}`, 413],
    ['tiny lines', '{}\n'.repeat(300_000), 413],
    ['quotes', '"'.repeat(MIB), 400],
    ['backslashes', `"${'\\'.repeat(MIB)}`, 400],
    ['newlines', '\n'.repeat(MIB), 400],
    ['digits', '9'.repeat(MIB), 400],
  ])('of %s is refused at once and in little memory', (_, text, status) => {
    const before = process.memoryUsage().heapUsed;
    const start = performance.now();
    for (const type of [JSON_TYPE, 'text/plain']) expect(parseEventsBody(text, type)).toMatchObject({ ok: false, status });
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * MIB);
  });

  test('that nests in one event costs that event alone', () => {
    const deep = `{"eventType":"click","clickId":"d","adId":"a","x":${'['.repeat(100)}${']'.repeat(100)}}`;
    const body = parseEventsBody(`{"events":[${json},${deep}]}`, JSON_TYPE);
    expect(body.ok && body.items.map((item) => parseEvent(item).ok)).toEqual([true, false]);
  });
});

describe('depth', () => {
  test('of a text and of its value agree, and brackets in strings do not count', () => {
    for (const text of ['1', '[]', '{"a":[{"b":[]}]}', '["[[[[","{{{{\\"[["]', '[[],[[]],[]]', '{"[":{"{":1}}']) {
      for (let limit = 0; limit < 6; limit++) expect(textNestsDeeper(text, limit), `${text} > ${limit}`).toBe(valueNestsDeeper(JSON.parse(text), limit));
    }
  });
});

describe('JSONTestSuite', () => {
  const archive = realData('json/JSONTestSuite_even.tar.gz');
  test.skipIf(archive === null)('what must parse is read, what must not is refused, and nothing gets through as an event', () => {
    const counts: Record<string, number> = { y: 0, n: 0, i: 0 };
    for (const { name, bytes } of filesOfTar(gunzipSync(archive!))) {
      const verdict = name.split('/').at(-1)![0]!;
      const line = utf8(bytes);
      if (verdict === 'y') expect(parseEventsBody(`{"events":[{"eventType":"click","clickId":"c","adId":"a","x":${line}}]}`, JSON_TYPE), name).toMatchObject({ ok: true });
      if (verdict === 'n' && line !== null) expect(parseEventsBody(line, JSON_TYPE), name).toMatchObject({ ok: false, status: 400 });
      for (const type of [JSON_TYPE, NDJSON, 'text/plain']) {
        const body = parseEventsBody(new TextDecoder().decode(bytes), type);
        if (body.ok) for (const item of body.items) expect(parseEvent(item).ok, name).toBe(false);
      }
      counts[verdict] = (counts[verdict] ?? 0) + 1;
    }
    console.log(`JSONTestSuite: ${JSON.stringify(counts)}`);
    expect(counts['y']! + counts['n']! + counts['i']!).toBe(155);
  });
});

function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The plain files of a tar archive: 512-byte headers, name at 0, octal size at 124. */
function filesOfTar(tar: Buffer): { name: string; bytes: Buffer }[] {
  const files: { name: string; bytes: Buffer }[] = [];
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    if (name.endsWith('.json')) files.push({ name, bytes: tar.subarray(at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
