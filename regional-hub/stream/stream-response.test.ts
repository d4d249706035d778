import { expect, it } from 'vitest';
import type { QueryReply } from '../query/query-service.ts';
import type { StreamEvent } from './stream.ts';
import { eventText, OpenStreams } from './stream-response.ts';

const reply: QueryReply = { rows: [], meta: { source: 'stream', watermarkMs: 7, asOf: '2026-09-01T00:00:00.000Z', version: 'live', approximate: false, suppressed: 0, cursor: null } };

it('an event in the middle of a turn has no id line, so that its reader keeps the id before', () => {
  expect(eventText({ kind: 'rows', id: null, reply })).toBe(`event: rows\ndata: ${JSON.stringify(reply)}\n\n`);
  expect(eventText({ kind: 'rows', id: 7, reply })).toBe(`event: rows\nid: 7\ndata: ${JSON.stringify(reply)}\n\n`);
});

/** Events without end; tells how many were made, and whether their maker was let go. */
function endless() {
  const made = { count: 0, isLetGo: false };
  async function* events(): AsyncGenerator<StreamEvent, void> {
    try {
      for (;;) {
        made.count += 1;
        yield { kind: 'rows', id: null, reply };
      }
    } finally {
      made.isLetGo = true;
    }
  }
  return { made, events };
}

it('events are made as they are taken, and a reader that leaves between two of them lets their maker go', async () => {
  const streams = new OpenStreams();
  const { made, events } = endless();
  const reader = streams.respond(events).body?.getReader();
  await reader?.read();
  await new Promise((resolve) => setImmediate(resolve));
  // One that was read, one that lies ready.
  expect([made.count, made.isLetGo, streams.size]).toEqual([2, false, 1]);
  await reader?.cancel();
  expect([made.count, made.isLetGo, streams.size]).toEqual([2, true, 0]);
});
