import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { LocalNetwork } from './network.ts';

/** Writes (or rewrites) `--ready-file`, in one atomic step, so that a reader never sees half of it. Shape: DESIGN §4. */
export function writeReadyFile(path: string, network: LocalNetwork): void {
  const regions = Object.keys(network.edgeUrls);
  const ready = {
    edgeUrl: network.edgeUrls[regions[0] as string],
    edgeUrls: network.edgeUrls,
    hubUrl: network.hubUrl,
    hubUrls: Object.fromEntries(regions.map((region) => [region, network.hubUrl])),
    keys: network.secrets.apiKeys,
    pids: network.pids(),
  };
  writeFileSync(`${path}.new`, JSON.stringify(ready, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Removes what an earlier life left, which names processes that are gone. Throws when nothing can be written there. */
export function clearReadyFile(path: string): void {
  rmSync(path, { force: true });
  writeFileSync(`${path}.new`, '', { mode: 0o600 });
  rmSync(`${path}.new`);
}
