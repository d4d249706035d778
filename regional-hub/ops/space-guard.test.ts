import { expect, test } from 'vitest';
import { SpaceGuard } from './space-guard.ts';

const MIB = 1_048_576;
const T = 1_700_000_000_000;

function rig(totalBytes: number) {
  const disk = { freeBytes: totalBytes, totalBytes };
  const clock = { now: T, nowMs: () => clock.now };
  const told: string[] = [];
  const fails = { times: 0 };
  const guard: SpaceGuard = new SpaceGuard({
    space: async () => disk,
    reserveBytes: 256 * MIB,
    clock,
    sleep: async () => undefined,
    onShort: async () => void told.push(`short ${guard.isShort}`),
    onRoom: async (sinceMs) => {
      told.push(`room since ${sinceMs - T}, short ${guard.isShort}`);
      if (fails.times-- > 0) throw new Error('engine is away');
    },
    report: () => undefined,
  });
  const see = async (freeBytes: number): Promise<boolean> => {
    clock.now += 500;
    disk.freeBytes = freeBytes;
    await guard.look();
    return guard.isShort;
  };
  return { guard, told, fails, see };
}

test('is short below the reserve, and until there is a quarter more than it', async () => {
  const { see, told } = rig(1_000_000 * MIB);
  expect([await see(256 * MIB), await see(255 * MIB), await see(300 * MIB), await see(320 * MIB), await see(257 * MIB)]).toEqual([false, true, true, false, false]);
  // T    500    1000    1500    2000
  // free 256    255     300     320
  expect(told).toEqual(['short true', 'room since 500, short true']);
});

test('a small disk keeps a twentieth free', async () => {
  const { see } = rig(400 * MIB);
  expect([await see(20 * MIB), await see(19 * MIB), await see(26 * MIB)]).toEqual([false, true, false]);
});

test('room is room, though the store could not be seen to', async () => {
  const { see, told, fails } = rig(400 * MIB);
  fails.times = 1;
  expect([await see(0), await see(400 * MIB), await see(0)]).toEqual([true, false, true]);
  expect(told.length).toBe(3);
});

test('a disk that cannot be looked at is no reason to stop, nor to end the watch', async () => {
  const stop = new AbortController();
  const lines: string[] = [];
  let looks = 0;
  const guard = new SpaceGuard({
    space: () => Promise.reject(new Error('no such folder')),
    reserveBytes: MIB,
    clock: { nowMs: () => T },
    sleep: async () => void (++looks === 3 && stop.abort()),
    onShort: async () => undefined,
    onRoom: async () => undefined,
    report: (line) => void lines.push(line),
  });
  await guard.watch(stop.signal);
  expect([looks, guard.isShort, lines.length]).toEqual([3, false, 3]);
});
