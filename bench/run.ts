import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { benches } from './benches.ts';
import { printRow } from './report.ts';
import { resultOf, type RowResult } from './row.ts';
import { writePerformanceDoc } from './performance-doc.ts';

const program = new Command('npm run bench --')
  .description('Measures every row beside its baseline, in the same run; see docs/performance.md.')
  .option('--only <ids>', 'rows to measure, comma-separated', (text: string) => text.split(','))
  .option('--json <file>', 'where the results go as JSON')
  .option('--runs <n>', 'how often each side is measured', parseRuns, 5)
  .option('--no-write', 'leave docs/performance.md as it is')
  .parse(process.argv);
const options = program.opts<{ only?: string[]; json?: string; runs: number; write: boolean }>();

const known = new Set(benches.flatMap(({ rows }) => rows.map(({ id }) => id)));
const unknown = options.only?.filter((id) => !known.has(id)) ?? [];
if (unknown.length > 0) {
  console.error(`no such row: ${unknown.join(', ')}; known are ${[...known].join(', ')}`);
  process.exit(2);
}

const wanted = new Set(options.only ?? known);
const results: RowResult[] = [];
const notes = new Map<string, string>();
for (const bench of benches) {
  const rows = bench.rows.filter(({ id }) => wanted.has(id));
  if (rows.length === 0) continue;
  const readings = await bench.measure({ runs: options.runs, wanted });
  for (const row of rows) {
    const reading = readings[row.id] ?? { skipped: 'not measured' };
    const result = resultOf(row, reading);
    const note = 'skipped' in reading ? `skipped: ${reading.skipped}` : (reading.note ?? '');
    printRow(row, result, note);
    results.push(result);
    notes.set(row.id, note);
  }
  // After each bench, so that a run that is cut short keeps what it has.
  if (options.write) writePerformanceDoc(benches.flatMap(({ rows: all }) => all), results, notes);
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
process.exit(0);

function parseRuns(text: string): number {
  const runs = Number(text);
  if (!Number.isInteger(runs) || runs < 1 || runs > 99) throw new InvalidArgumentError('a whole number from 1 to 99');
  return runs;
}
