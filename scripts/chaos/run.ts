import { Command, InvalidArgumentError } from 'commander';
import { clearStages, holds, perform } from './perform.ts';
import { SCENARIOS } from './scenarios.ts';
import { tableRow, writeRow } from './table.ts';

/** `npm run chaos`: real parts under faults, traffic through the public doors, exact books; see docs/proof.md. */
type Flags = { only?: readonly string[]; minutes: number; table: boolean; list: boolean };

const { only, minutes, table, list } = new Command('npm run chaos --')
  .description('Breaks the real parts under traffic and compares what clients were promised with what is counted: 0 lost, 0 doubled, or it fails.')
  .option('--only <names>', 'scenarios, comma-separated', parseNames)
  .option('--minutes <n>', 'how long the long outage (hub-away) lasts', parseMinutes, 10)
  .option('--no-table', 'leave docs/proof.md as it is')
  .option('--list', 'name the scenarios and end', false)
  .parse()
  .opts<Flags>();

if (list) {
  for (const { name, fault } of SCENARIOS) console.log(`${name.padEnd(16)} ${fault}`);
  process.exit(0);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void clearStages().finally(() => process.exit(130)));

let played = 0;
let failures = 0;
for (const scenario of SCENARIOS.filter(({ name }) => only === undefined || only.includes(name))) {
  const say = (line: string): void => console.log(`  ${scenario.name}: ${line}`);
  console.log(`${scenario.name}: ${scenario.fault}`);
  try {
    const outcome = await perform(scenario, { short: false, outageMs: minutes * 60_000 }, say);
    if ('missing' in outcome) {
      console.log(`  skipped: ${outcome.missing}`);
      continue;
    }
    played += 1;
    if (table) writeRow(outcome);
    if (!holds(outcome)) failures += 1;
    console.log(`  ${tableRow(outcome)}`);
    for (const line of [...outcome.verdict.examples, ...outcome.queryFaults.slice(0, 5), ...outcome.faults]) console.log(`    ${line}`);
  } catch (error) {
    failures += 1;
    console.error(error instanceof Error ? error.message : error);
  }
}
console.log(failures === 0 ? `chaos: all of ${played} held` : `chaos: ${failures} did not hold`);
process.exit(failures === 0 ? 0 : 1);

function parseNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0) throw new InvalidArgumentError(`no such scenario: ${unknown.join(', ')}; --list names them`);
  return names;
}

function parseMinutes(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 600)) throw new InvalidArgumentError('minutes, more than 0');
  return value;
}
