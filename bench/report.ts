import { short } from './median.ts';
import type { RowResult, RowSpec } from './row.ts';

/** One row on the terminal, as soon as it is known. */
export function printRow(row: RowSpec, result: RowResult, note: string): void {
  const verdict = result.holds === null ? (result.value === null ? 'SKIPPED' : '') : result.holds ? 'holds' : 'FALLS SHORT';
  const value = result.value === null ? '–' : `${short(result.value)} ${row.unit}`;
  const baseline = result.baseline === null ? '' : ` against ${short(result.baseline)} (${row.baselineIs})`;
  const ratio = result.ratio === null ? '' : `, ${result.ratio.toFixed(2)} ×`;
  console.log(`${result.id.padEnd(22)} ${value}${baseline}${ratio}   aim ${result.aim}   ${verdict}`);
  if (note !== '') console.log(`${''.padEnd(22)} ${note}`);
}
