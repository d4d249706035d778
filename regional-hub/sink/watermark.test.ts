import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admitFrames, halts, judgeFrame, type FrameName } from './watermark.ts';

const at = (epoch: number, seq: number, digest = `d${epoch}.${seq}`): FrameName => ({ shard: 's', epoch, seq, digest });

describe('the sink and the frames of a shard', () => {
  it.each([
    ['an unknown shard may begin anywhere', undefined, at(3, 9), 'next'],
    ['the next seq is inserted', at(1, 4), at(1, 5), 'next'],
    ['the last frame again is a repeat', at(1, 4), at(1, 4), 'repeat'],
    ['the last frame with other bytes is a conflict', at(1, 4), at(1, 4, 'other'), 'conflict'],
    ['an earlier frame is a repeat', at(1, 4), at(1, 2), 'repeat'],
    ['a missing frame is a gap', at(1, 4), at(1, 6), 'gap'],
    ['a lower epoch is stale', at(2, 1), at(1, 9), 'stale_epoch'],
    ['a higher epoch begins anew', at(1, 9), at(2, 1), 'next'],
  ] as const)('%s', (_, watermark, frame, verdict) => {
    expect(judgeFrame(watermark, frame)).toBe(verdict);
    expect(halts(verdict)).toBe(verdict !== 'next' && verdict !== 'repeat');
  });

  it('takes each frame of an in-order shard once, however often and in whatever ranges it comes', () => {
    const seqs = fc.array(fc.nat(4), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(seqs, fc.nat(60), (backs, cut) => {
        let next = 1;
        const frames = backs.map((back) => at(1, back === 0 ? next++ : Math.max(1, next - back)));
        const first = admitFrames(new Map(), frames.slice(0, cut));
        const second = admitFrames(first.after, frames.slice(cut));
        const verdicts = [...first.verdicts, ...second.verdicts];
        const taken = frames.filter((_, i) => verdicts[i] === 'next').map((frame) => frame.seq);
        expect(new Set(taken).size).toBe(taken.length);
        expect(verdicts).toEqual(admitFrames(new Map(), frames).verdicts);
      }),
    );
  });

  it('inserts nothing of a shard behind a gap until the missing frame comes', () => {
    const { verdicts, after } = admitFrames(new Map(), [at(1, 1), at(1, 3), at(1, 4), at(1, 2), at(1, 3)]);
    expect(verdicts).toEqual(['next', 'gap', 'gap', 'next', 'next']);
    expect(after.get('s')).toMatchObject({ seq: 3 });
  });
});
