import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The name of this data folder's own log in a store that others may share: made once, kept beside the log. Two embedded logs
 * that wrote under one name would take each other's frames for repeats.
 */
export function loadHubId(dataDir: string, makeId: () => string): string {
  const path = join(dataDir, 'hub-id');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const id = makeId();
  writeFileSync(`${path}.new`, id);
  renameSync(`${path}.new`, path);
  return id;
}
