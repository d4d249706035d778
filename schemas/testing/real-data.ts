import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file of the data sets that lie beside the repository, or null (and a line that says so) where they are absent. For tests only. */
export function realData(path: string): Buffer | null {
  const file = fileURLToPath(new URL(`../../../shared/data/${path}`, import.meta.url));
  if (existsSync(file)) return readFileSync(file);
  console.log(`skipped: ../shared/data/${path} is absent`);
  return null;
}
