import { openEngine } from '../../regional-hub/adapters/clickhouse-store.ts';
import { serveClickHouse, type HttpFault } from '../../regional-hub/adapters/clickhouse-http-server.ts';

/**
 * A process: the embedded engine on ClickHouse's HTTP port, misbehaving as its parent says. `<port> <data folder>`; a message `{fault}` applies to
 * every insert from then on.
 */
const [port, dataDir] = process.argv.slice(2) as [string, string];
let fault: HttpFault = { kind: 'none' };
process.on('message', (message: { fault: HttpFault }) => {
  fault = message.fault;
});
process.on('disconnect', () => process.exit(1));
const server = await serveClickHouse({
  connection: openEngine(dataDir),
  host: '127.0.0.1',
  port: Number(port),
  password: '',
  fault: (sql) => (sql.startsWith('INSERT') ? fault : { kind: 'none' }),
});
process.stdout.write(`shim ready ${server.url}\n`);
