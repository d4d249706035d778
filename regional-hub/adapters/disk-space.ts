import { statfs } from 'node:fs/promises';
import type { DiskSpace } from '../ops/space-guard.ts';

/** What is left on the disk of a folder, and its size. */
export async function diskSpace(folder: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
