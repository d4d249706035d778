import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { serveClickHouse } from '../regional-hub/adapters/clickhouse-http-server.ts';
import { DEFAULT_ENGINE_LIMITS, openEngine } from '../regional-hub/adapters/clickhouse-store.ts';

/** The largest insert of a hub takes 230. */
const MIN_MEMORY_MB = 256;

type Options = { host: string; port: number; dataDir: string; memoryMb: number; readyFile?: string };

const command = new Command('clickhouse')
  .description("Serves the embedded ClickHouse engine on ClickHouse's HTTP port, so that several hubs can share it: CLICKHOUSE_URL=http://127.0.0.1:8123")
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <number>', 'port to listen on; 0 for any free one', wholeNumber, 8_123)
  .option('--data-dir <folder>', 'where its data lie', '.edgetally/clickhouse')
  .option('--memory-mb <number>', "cap on the engine's memory", enoughMemory, DEFAULT_ENGINE_LIMITS.memoryBytes / 1_000_000)
  .option('--ready-file <path>', 'written as {"url", "pid"} when it serves')
  .addHelpText('after', '\nCLICKHOUSE_PASSWORD, where it is set, is asked of every caller. Ctrl-C ends it when the statements under way have ended.')
  .action(serve);

await command.parseAsync();

async function serve(options: Options): Promise<void> {
  // each running statement holds one of libuv's threads, and files need some too; read when the first one starts
  process.env['UV_THREADPOOL_SIZE'] ??= '16';
  const connection = openEngine(resolve(options.dataDir), { memoryBytes: options.memoryMb * 1_000_000 });
  const server = await serveClickHouse({ connection, host: options.host, port: options.port, password: process.env['CLICKHOUSE_PASSWORD'] ?? '' }).catch((error: Error) => {
    process.stderr.write(`clickhouse: cannot listen on ${options.host}:${options.port} (${error.message}); choose another --port\n`);
    process.exit(1);
  });
  const stop = async (): Promise<void> => {
    process.once('SIGINT', () => process.exit(130));
    process.once('SIGTERM', () => process.exit(143));
    await server.close();
    await connection.close();
    process.exit(0);
  };
  process.once('SIGINT', () => void stop());
  process.once('SIGTERM', () => void stop());
  if (options.readyFile !== undefined) writeFileSync(options.readyFile, JSON.stringify({ url: server.url, pid: process.pid }));
  process.stdout.write(`clickhouse ready ${server.url}\n`);
}

function enoughMemory(text: string): number {
  const megabytes = wholeNumber(text);
  if (megabytes < MIN_MEMORY_MB) throw new InvalidArgumentError(`at least ${MIN_MEMORY_MB}`);
  return megabytes;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number is wanted');
  return value;
}
