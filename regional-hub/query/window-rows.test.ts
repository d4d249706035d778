import { describe, expect, it } from 'vitest';
import { questionOf } from './query-service.ts';
import { parseQueryRequest } from './request.ts';
import { changedWindowsStatement, windowRowsStatement } from './window-rows.ts';

const question = (text: string) => questionOf(parseQueryRequest(new URLSearchParams(`metrics=clicks&${text}`)), { kind: 'all' }, null);

describe('statements over windows', () => {
  it.each(['1h', '1d'])('tell the engine seconds and never the name of a zone, whose data it may have of another year (%s)', (granularity) => {
    for (const zone of ['America/Santiago', 'Africa/Casablanca', 'Asia/Kolkata', 'Australia/Lord_Howe']) {
      const asked = question(`granularity=${granularity}&tz=${zone}`);
      for (const statement of [windowRowsStatement(asked, { kind: 'all' }), changedWindowsStatement(asked, { kind: 'all' }, 0)]) {
        expect(JSON.stringify(statement)).not.toContain(zone.split('/')[1]);
        expect(statement.sql).not.toMatch(/toTimeZone|toStartOf/);
      }
    }
  });

  it('hours and days of UTC are a division, with nothing looked up', () => {
    expect(windowRowsStatement(question('granularity=1d'), { kind: 'all' }).sql).toContain('toUInt32(intDiv(toUnixTimestamp(window), 86400) * 86400) AS window_second');
    expect(windowRowsStatement(question('granularity=1h&tz=America/New_York'), { kind: 'all' }).sql).toContain('toUInt32(intDiv(toUnixTimestamp(window), 3600) * 3600) AS window_second');
  });
});
