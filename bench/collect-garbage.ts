import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Everything that can go goes now. */
export function collectGarbage(): void {
  collect();
}

/** Heap and buffers in use, after everything that can go has gone. */
export function usedBytes(): number {
  // What a first collection finalises goes with the second.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
