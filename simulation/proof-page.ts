import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Catch } from './planted/hunt.ts';

const PAGE = new URL('../docs/proof.md', import.meta.url);

/** Writes the table of planted bugs into the page, between its marks. */
export function writePlantedTable(catches: readonly Catch[], fromSeed: number): void {
  const rows = catches.map(({ plant, caught }) =>
    caught === null ? `| ${plant.name} | ${plant.story} | – | **survived** |` : `| ${plant.name} | ${plant.story} | ${caught.seeds} | ${caught.invariant} |`,
  );
  const caught = catches.filter((found) => found.caught !== null).length;
  const head = [`${caught} of ${catches.length} planted bugs were caught; seeds counted from ${fromSeed}.`, '', '| bug | what somebody would have got wrong | seeds to catch it | invariant that broke |', '|---|---|---|---|'];
  replaceBetween('planted', [...head, ...rows].join('\n'));
}

/** Writes what the last long run came to. */
export function writeSeedsLine(summary: string): void {
  replaceBetween('seeds', `Last long run: ${summary}.`);
}

function replaceBetween(mark: string, text: string): void {
  if (!existsSync(PAGE)) return;
  const page = readFileSync(PAGE, 'utf8');
  const [from, to] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`];
  const start = page.indexOf(from);
  const end = page.indexOf(to);
  if (start < 0 || end < 0) return;
  writeFileSync(PAGE, `${page.slice(0, start + from.length)}\n${text}\n${page.slice(end)}`);
}
