import { Command, InvalidArgumentError } from 'commander';
import { huntAll, runOne, runSeeds } from './commands.ts';

/** `npm run sim`: thousands of simulated hours, one seed, or the planted bugs. */
const program = new Command('npm run sim --')
  .description('Lives through simulated hours of the whole network, with every fault that we could think of, and watches what must hold.')
  .option('--seeds <count>', 'how many seeds, each a world of its own', counted, 1_000)
  .option('--hours <hours>', 'hours of chaos in each world, before it heals', positive, 1)
  .option('--from <seed>', 'the first seed', whole, 1)
  .option('--seed <seed>', 'one seed: ends with its trace hash, and with the end of its trace where something broke', whole)
  .option('--planted', 'plants bugs, one at a time, and writes down how each was found')
  .option('--only <text>', 'with --planted: bugs whose name contains this text')
  .option('--patience <count>', 'with --planted: give a bug up after so many seeds', counted)
  .addHelpText('after', '\nEnds with 1 when an invariant is broken or a planted bug survives; the last lines say how to see it again.')
  .parse();

const options = program.opts<{ seeds: number; hours: number; from: number; seed?: number; planted?: true; only?: string; patience?: number }>();
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const progress = process.stdout.isTTY ? (line: string): void => void process.stdout.write(`\r\x1b[K${line}`) : undefined;

if (options.seed !== undefined) process.exitCode = await runOne({ seed: options.seed, hours: options.hours }, say);
else if (options.planted === true) process.exitCode = await huntAll(options, say);
else process.exitCode = await runSeeds(options, say, progress ?? everyHundredth(say));

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number is needed');
  return value;
}

function counted(text: string): number {
  const value = whole(text);
  if (value === 0) throw new InvalidArgumentError('at least 1 is needed');
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0 is needed');
  return value;
}

/** Without a terminal, one line in a hundred is enough. */
function everyHundredth(tell: (line: string) => void): (line: string) => void {
  let lines = 0;
  return (line) => {
    if (lines++ % 100 === 99) tell(line);
  };
}
