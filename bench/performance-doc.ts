import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { short } from './median.ts';
import type { RowResult, RowSpec } from './row.ts';

const DOC = fileURLToPath(new URL('../docs/performance.md', import.meta.url));
const BEGIN = '<!-- npm run bench: begin -->';
const END = '<!-- npm run bench: end -->';
const HEAD = '| id | what | measured | baseline beside it | ratio | aim | holds | taken |\n|---|---|---|---|---|---|---|---|';

/** Puts the results into the table of docs/performance.md; rows that were not measured stay as they were. */
export function writePerformanceDoc(rows: readonly RowSpec[], results: readonly RowResult[], notes: ReadonlyMap<string, string>): void {
  const text = existsSync(DOC) ? readFileSync(DOC, 'utf8') : `# Performance\n\n${BEGIN}\n${END}\n`;
  const [before = '', rest = ''] = text.split(BEGIN);
  const [table = '', after = ''] = rest.split(END);
  const known = new Map(table.split('\n').filter((line) => line.startsWith('| `')).map((line) => [line.split('`')[1] ?? '', line]));
  const taken = takenText();
  for (const row of rows) {
    const result = results.find(({ id }) => id === row.id);
    if (result !== undefined && (result.value !== null || !known.has(row.id))) known.set(row.id, lineOf(row, result, notes.get(row.id) ?? '', taken));
  }
  const lines = rows.flatMap(({ id }) => known.get(id) ?? []);
  writeFileSync(DOC, `${before}${BEGIN}\n${HEAD}\n${lines.join('\n')}\n${END}${after}`);
}

/** When, on what, under what load: figures of a shared machine mean little without it. */
export function takenText(): string {
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${new Date().toISOString().slice(0, 16)}Z, ${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${gib} GiB, load ${loadavg()[0]?.toFixed(1)}`;
}

function lineOf(row: RowSpec, result: RowResult, note: string, taken: string): string {
  const value = result.value === null ? '–' : `${short(result.value)} ${row.unit}`;
  const baseline = result.baseline === null ? row.baselineIs || '–' : `${short(result.baseline)} ${row.unit}: ${row.baselineIs}`;
  const ratio = result.ratio === null ? '–' : `${result.ratio.toFixed(2)} ×`;
  const holds = result.holds === null ? '–' : result.holds ? 'yes' : '**no**';
  return `| \`${row.id}\` | ${row.what}${note === '' ? '' : ` (${note})`} | ${value} | ${baseline} | ${ratio} | ${result.aim} | ${holds} | ${taken} |`;
}
