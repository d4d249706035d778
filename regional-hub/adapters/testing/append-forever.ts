import { TOPICS } from '../../log/delta-log.ts';
import { createSqliteDeltaLog } from '../sqlite-delta-log.ts';
import { openLogDatabase } from '../sqlite-log-database.ts';

/** A process to be killed: appends 0, 1, 2 … under one key to the log in the file it is given, and says each number once it is acknowledged. */
const database = openLogDatabase(process.argv[2] ?? '');
const log = createSqliteDeltaLog({ database, clock: { nowMs: () => Date.now() } });
for (let number = Number(process.argv[3] ?? 0); ; number += 1) {
  await log.appendBatch([{ topic: TOPICS.deltas, key: 'a', value: new TextEncoder().encode(String(number)) }]);
  process.stdout.write(`${number}\n`);
}
