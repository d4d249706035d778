/** Exit code of a process that was told to stop twice. */
const IMPATIENT_EXIT_CODE = 130;

/**
 * Calls `stop` once: at SIGTERM, at SIGINT (where no parent speaks IPC), when the parent says `shutdown` over IPC, or when the parent is gone. A second signal
 * exits at once; nothing acknowledged is lost by that, the next start only has more to repeat.
 */
export function onStopSignal(stop: () => Promise<void>): void {
  let isStopping = false;
  const begin = (): void => {
    if (isStopping) process.exit(IMPATIENT_EXIT_CODE);
    isStopping = true;
    stop().catch((error: unknown) => {
      process.stderr.write(`could not stop in order: ${String(error)}\n`);
      process.exit(1);
    });
  };
  process.on('SIGTERM', begin);
  // A terminal sends Ctrl-C to everyone: a hub with a supervisor serves on until that has drained the shards and says so.
  process.on('SIGINT', () => {
    if (!process.connected) begin();
  });
  process.on('message', (message) => {
    if (message === 'shutdown' && !isStopping) begin();
  });
  process.on('disconnect', () => {
    if (!isStopping) begin();
  });
}
