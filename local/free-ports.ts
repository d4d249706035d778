import { createServer } from 'node:net';

/**
 * A port for each POP: the first takes `edgePort`, each other the next port after its predecessor's that is free and not the hub's.
 * `null` when the first, or the hub's, is taken.
 */
export async function choosePorts(wanted: { edgePort: number; hubPort: number; regions: readonly string[] }): Promise<Map<string, number> | null> {
  const { edgePort, hubPort, regions } = wanted;
  if (edgePort === hubPort || !(await isFree(edgePort)) || !(await isFree(hubPort))) return null;
  const ports = new Map<string, number>();
  let port = edgePort;
  for (const region of regions) {
    while (port !== edgePort && (port === hubPort || !(await isFree(port)))) port += 1;
    ports.set(region, port);
    port += 1;
  }
  return ports;
}

/** Whether we could listen on `port` of this machine now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
