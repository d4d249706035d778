import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { holds, type Outcome } from './perform.ts';
import { SCENARIOS } from './scenarios.ts';

const PROOF = fileURLToPath(new URL('../../docs/proof.md', import.meta.url));
const HEADING = '## Real parts under faults';
const COLUMNS = ['scenario', 'fault', 'times', 'acknowledged', 'lost', 'doubled', 'unconfirmed (missing)', 'time to heal', 'peak MB workerd / hub', 'holds'];
const INTRO = `${HEADING}

\`npm run chaos\` breaks the parts that really run: the workerd binary, the hub, Apache Kafka, the ClickHouse engine. Several kinds of clients send some 300 events a second through
every POP's public doors (batches, single reports, pixels and redirects by token), try until they are acknowledged, at whichever POP answers, and send one request in twenty once more. Their books
know every event by its id. At the end each id is looked up in the raw rows, each ad in \`/v1/query\`, and \`/v1/ops/conservation\` must hold with nothing in flight.

*Acknowledged*: 202, 409, or a pixel or redirect within the redirect budget. *Unconfirmed*: a pixel or redirect that took longer than that for its client; in brackets those of them that were never
counted. *Time to heal*: from the end of the fault (a kill: from the kill itself) until queries show everything that was acknowledged up to 5 s before.
`;

/** One line of the table. */
export function tableRow(outcome: Outcome): string {
  const { verdict, healMs, peakMb } = outcome;
  const cells = [
    outcome.name,
    outcome.notes.length === 0 ? outcome.fault : `${outcome.fault}; ${outcome.notes.join('; ')}`,
    outcome.times,
    verdict.acknowledged,
    verdict.lost,
    verdict.doubled,
    `${verdict.unconfirmed} (${verdict.unconfirmedMissing})`,
    `${(healMs / 1_000).toFixed(1)} s`,
    `${peakMb.workerd} / ${peakMb.hub}`,
    holds(outcome) ? 'yes' : '**no**',
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Puts an outcome into docs/proof.md, in place of an earlier one of the same scenario; everything else there stays as it is. */
export function writeRow(outcome: Outcome): void {
  const text = existsSync(PROOF) ? readFileSync(PROOF, 'utf8') : '# Proof\n';
  writeFileSync(PROOF, withRows(text, new Map([[outcome.name, tableRow(outcome)]])));
}

/** The document with its section rewritten; rows of scenarios that did not run now are kept, in the order in which all are played, and so is whatever is written below the table. */
export function withRows(text: string, rows: ReadonlyMap<string, string>): string {
  const beginsAt = text.indexOf(HEADING);
  const before = beginsAt < 0 ? `${text.trimEnd()}\n\n` : text.slice(0, beginsAt);
  const section = beginsAt < 0 ? '' : text.slice(beginsAt);
  const endsAt = section.indexOf('\n## ', HEADING.length);
  const after = endsAt < 0 ? '' : section.slice(endsAt);
  const lines = (endsAt < 0 ? section : section.slice(0, endsAt)).split('\n');
  const kept = new Map(lines.flatMap((line) => knownRow(line)));
  const notes = lines.slice(lines.findLastIndex((line) => line.startsWith('|')) + 1).join('\n');
  for (const [name, row] of rows) kept.set(name, row);
  const inOrder = [...kept].toSorted(([a], [b]) => placeOf(a) - placeOf(b)).map(([, row]) => row);
  const table = [`| ${COLUMNS.join(' | ')} |`, `|${COLUMNS.map(() => '---').join('|')}|`, ...inOrder].join('\n');
  return `${before}${INTRO}\n${table}\n${section === '' ? '' : notes}${after}`;
}

function placeOf(name: string): number {
  return SCENARIOS.findIndex((scenario) => scenario.name === name);
}

function knownRow(line: string): [string, string][] {
  const [, name] = /^\| ([a-z0-9-]+) \|/.exec(line) ?? [];
  return name === undefined || name === 'scenario' ? [] : [[name, line]];
}
