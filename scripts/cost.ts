import { Command, InvalidArgumentError } from 'commander';
import { hasWrk } from '../bench/load/wrk.ts';
import { monthlyBill, SECONDS_PER_MONTH } from './cost/cost-model.ts';
import { measureUsage } from './cost/measured-usage.ts';
import { PLAN_USD_PER_MONTH, PRICES } from './cost/prices.ts';

/** `npm run cost -- --events 1e9`: a month's bill at list prices, from what a local run at that rate was seen to use. */

const flags = new Command('npm run cost --')
  .description('What a month costs on Cloudflare, at list prices: requests, rows and CPU are measured in a local run at the same rate, never assumed.')
  .option('--events <count>', 'events a month, as in 1e9', positive, 1e9)
  .option('--shards <count>', 'shards that are awake all month', positive, 4)
  .option('--isolates <count>', 'edge isolates that are awake all month', positive, 20)
  .parse(process.argv)
  .opts<{ events: number; shards: number; isolates: number }>();

if (!hasWrk()) {
  console.error('wrk is not installed (Debian: apt-get install wrk): nothing can be measured');
  process.exit(1);
}
const rate = flags.events / SECONDS_PER_MONTH;
const { usage, ...seen } = await measureUsage(rate, flags.shards);
const bill = monthlyBill(flags.events, usage, { objects: flags.shards, isolates: flags.isolates });
const round = (value: number): string => Math.round(value).toLocaleString('en');

console.log(`${flags.events.toExponential(1)} events a month are ${round(rate)} a second; measured at ${round(seen.eventsPerSecond)} a second, one request an event:`);
console.log(`${seen.eventsPerCommit.toFixed(1)} events a commit, ${seen.commitsPerFrame.toFixed(1)} commits a frame, ${round(seen.cpuUsPerEvent)} µs of CPU an event (edge and shards together: an upper bound)`);
if (seen.eventsPerSecond < rate * 0.8) console.log('this machine cannot go as fast; at the full rate more events share a commit, and each costs less');
console.log('');
for (const { meter, units, billedUnits, usd } of bill.lines) {
  const { usdPerMillion, readOn, source } = PRICES[meter];
  console.log(`${meter.padEnd(16)} ${round(units).padStart(16)}   billed ${round(billedUnits).padStart(16)} at $${usdPerMillion}/M   $${usd.toFixed(2).padStart(9)}   ${source}, ${readOn}`);
}
console.log(`${'plan'.padEnd(16)} ${''.padStart(16)}   ${''.padStart(23)}             $${PLAN_USD_PER_MONTH.toFixed(2).padStart(9)}`);
console.log(`\n$${bill.usd.toFixed(2)} a month, $${bill.usdPerMillionEvents.toFixed(3)} a million events; hubs, Kafka and ClickHouse are your own machines`);

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number above 0');
  return value;
}
