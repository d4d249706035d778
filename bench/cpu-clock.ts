/**
 * CPU that this thread has spent, in ms. What one thread computes is measured by it and not by the wall: others may use the machine, and the figure
 * stays what it is.
 */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
