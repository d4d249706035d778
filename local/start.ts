import { parseStartOptions } from './options.ts';
import { startNetwork, type LocalNetwork } from './network.ts';
import { clearReadyFile, writeReadyFile } from './ready-file.ts';
import { startDemo, type Demo } from './demo/demo.ts';

const options = parseStartOptions(process.argv);
/** One Ctrl-C may come twice: from the terminal, and from npm, which passes it on. */
const SAME_KEYPRESS_MS = 500;
const startedAtMs = Date.now();
const report = (line: string): void => console.error(`edgetally: ${line}`);

// Whoever read what we say may have left; the network stays.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

let isReady = false;
const network: LocalNetwork = await start().catch(refuse);
let demo: Demo | null = null;
stopOnSignals();

await network.ready();
isReady = true;
await announce();
printWelcome();
if (options.demo) demo = await startDemo(network, report);

/** Nothing is left running when the ready file cannot be written: whoever waits for it would wait for ever. */
async function start(): Promise<LocalNetwork> {
  const started = await startNetwork(options, { report, onRestart: () => void announce(), onHopeless: (why) => refuse(new Error(why)) });
  try {
    if (options.readyFile !== null) clearReadyFile(options.readyFile);
  } catch (cause) {
    await started.stop();
    throw new Error(`--ready-file cannot be written: ${(cause as Error).message}`, { cause });
  }
  return started;
}

/** Rewrites the ready file after every (re)start, once everything answers. A file that cannot be written (a full disk) stops no network. */
async function announce(): Promise<void> {
  if (!isReady || options.readyFile === null) return;
  await network.ready();
  try {
    writeReadyFile(options.readyFile, network);
  } catch (error) {
    report(`the ready file was not written: ${(error as Error).message}`);
  }
}

/** Nothing runs: say why and leave. */
function refuse(error: Error): never {
  report(error.message);
  process.exit(1);
}

function printWelcome(): void {
  const { apiKeys } = network.secrets;
  const pops = Object.entries(network.edgeUrls).map(([region, url]) => `  edge ${region.padEnd(8)} ${url}`);
  console.log(
    [
      `edgetally is ready after ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s`,
      ...pops,
      `  hub           ${network.hubUrl}   (dashboard at /, operators at /ops, API at /docs)`,
      `  data          ${options.dataDir}`,
      ...Object.entries(apiKeys).map(([name, key]) => `  key ${name.padEnd(9)} ${key}`),
      options.demo ? '  demo traffic is on; --no-demo starts empty' : '  no demo traffic',
      '',
    ].join('\n'),
  );
}

function stopOnSignals(): void {
  let stoppingSinceMs: number | null = null;
  const stop = async (): Promise<void> => {
    if (stoppingSinceMs !== null && Date.now() - stoppingSinceMs < SAME_KEYPRESS_MS) return;
    if (stoppingSinceMs !== null) {
      network.abandon();
      process.exit(1);
    }
    stoppingSinceMs = Date.now();
    report('stopping: what was acknowledged is on its way to the store (Ctrl-C again to leave at once)');
    await demo?.stop();
    await network.stop();
    process.exit(0);
  };
  process.on('SIGINT', () => void stop());
  process.on('SIGTERM', () => void stop());
}
