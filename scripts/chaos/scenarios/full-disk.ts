import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repeatedly } from '../deeds.ts';
import type { Play, Scenario } from '../scenario.ts';

const DISK_MB = 400;
const FULL_MS = 10_000;
const GAP_MS = 6_000;
const CHUNK_BYTES = 1_048_576;

/** Everything the network writes lies on one small disk that runs full and is emptied again. */
export const FULL_DISK: readonly Scenario[] = [
  {
    name: 'disk-full',
    fault: `the disk of workerd and hub is full for ${FULL_MS / 1_000} s`,
    spec: {},
    prepare: mountSmallDisk,
    act: (play) => repeatedly(play.length.short ? 1 : 3, GAP_MS, () => fillDisk(play)),
  },
];

function mountSmallDisk() {
  if (process.getuid?.() !== 0) return { missing: 'only root may mount a small disk' };
  const dataDir = mkdtempSync(join(tmpdir(), 'edgetally-disk-'));
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', dataDir], { encoding: 'utf8' });
  if (status !== 0) return { missing: `a small disk cannot be mounted: ${stderr.trim()}` };
  const undo = (): void => {
    spawnSync('umount', [dataDir]);
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { spec: { dataDir }, undo };
}

/** Writes until nothing more fits, byte by byte at the end, and keeps filling up what is freed meanwhile. */
async function fillDisk({ stage, say }: Play): Promise<number> {
  const ballast = join(stage.dataDir, 'ballast');
  const file = openSync(ballast, 'w');
  const untilMs = performance.now() + FULL_MS;
  try {
    let megabytes = 0;
    while (performance.now() < untilMs) {
      megabytes += fill(file) / CHUNK_BYTES;
      await sleep(20);
    }
    say(`full with ${megabytes.toFixed(0)} MB of ballast`);
  } finally {
    closeSync(file);
    rmSync(ballast);
  }
  return performance.now();
}

function fill(file: number): number {
  let written = 0;
  for (let bytes = CHUNK_BYTES; bytes >= 1_024; bytes >>= 1) {
    const chunk = Buffer.alloc(bytes);
    try {
      for (;;) written += writeSync(file, chunk);
    } catch {
      // No room for a chunk of this size: a smaller one may fit.
    }
  }
  return written;
}
