import { PLANTS } from './planted/catalogue.ts';
import { hunt, SEEDS_MAX, type Catch } from './planted/hunt.ts';
import { writePlantedTable, writeSeedsLine } from './proof-page.ts';
import { PROBED_SEEDS, PROBES, Probes } from './probes.ts';
import { runSeed, type SeedResult } from './run-seed.ts';

type Say = (line: string) => void;
type Hours = { readonly hours: number };

/** Enough to see how a world came to where it broke. */
const TAIL_LINES = 80;
const MINUTES_MS = 60_000;

/** Runs one seed and tells its trace hash. Gives the process's exit code. */
export async function runOne({ seed, hours }: Hours & { readonly seed: number }, say: Say): Promise<number> {
  const result = await runSeed({ seed, hours, keptLines: TAIL_LINES });
  say(`seed ${seed}: ${result.events} events sent, ${result.steps} steps; faults: ${result.faults || 'none'}`);
  if (result.violation !== null) {
    for (const line of result.tail) say(`  ${line}`);
    say(`VIOLATION ${result.violation.message}`);
  }
  say(`trace ${result.traceHash}`);
  return result.violation === null ? 0 : 1;
}

/** Runs many seeds until one breaks something. Gives the process's exit code. */
export async function runSeeds(options: Hours & { readonly seeds: number; readonly from: number }, say: Say, progress: Say): Promise<number> {
  const { seeds, from, hours } = options;
  const probes = new Probes();
  const startedAtMs = performance.now();
  let events = 0;
  for (let done = 0; done < seeds; done++) {
    const result = await runSeed({ seed: from + done, hours });
    if (result.violation !== null) return tellViolation(result, hours, say);
    probes.merge(result.probes);
    events += result.events;
    const minutes = (performance.now() - startedAtMs) / MINUTES_MS;
    progress(`${done + 1}/${seeds} seeds, ${((done + 1) * hours).toFixed(0)} hours lived through in ${minutes.toFixed(1)} minutes, ${events} events, ${PROBES.length - probes.missing().length}/${PROBES.length} rare paths`);
  }
  say('');
  for (const probe of PROBES) say(`  ${String(probes.seedsThatHit(probe)).padStart(6)}  ${probe}`);
  const summary = `${seeds} seeds from ${from}, ${(seeds * hours).toFixed(0)} hours, ${events} events sent: no violation`;
  say(summary);
  if (seeds < PROBED_SEEDS) return 0;
  if (probes.missing().length > 0) {
    say(`rare paths never taken: ${probes.missing().join('; ')}`);
    return 1;
  }
  writeSeedsLine(summary);
  return 0;
}

/** Hunts planted bugs and writes the table of how each was found. Gives the process's exit code. */
export async function huntAll(options: Hours & { readonly from: number; readonly only?: string; readonly patience?: number }, say: Say): Promise<number> {
  const wanted = PLANTS.filter(({ name }) => options.only === undefined || name.includes(options.only));
  if (wanted.length === 0) {
    say(`no planted bug has "${options.only}" in its name; there are ${PLANTS.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const catches: Catch[] = [];
  for (const plant of wanted) {
    const found = await hunt(plant, { fromSeed: options.from, hours: options.hours, ...(options.patience === undefined ? {} : { seedsMax: options.patience }) });
    catches.push(found);
    say(found.caught === null ? `${plant.name}: SURVIVED ${options.patience ?? SEEDS_MAX} seeds` : `${plant.name}: seed ${found.caught.seed}, after ${found.caught.seeds}: ${found.caught.invariant}`);
  }
  const survivors = catches.filter(({ caught }) => caught === null);
  if (options.only === undefined) writePlantedTable(catches, options.from);
  say(`${catches.length - survivors.length} of ${catches.length} planted bugs were caught`);
  return survivors.length === 0 ? 0 : 1;
}

function tellViolation({ seed, violation, faults }: SeedResult, hours: number, say: Say): number {
  say('');
  say(`seed ${seed}: VIOLATION ${violation!.message}`);
  say(`faults: ${faults}`);
  say(`see it again: npm run sim -- --seed ${seed}${hours === 1 ? '' : ` --hours ${hours}`}`);
  return 1;
}
