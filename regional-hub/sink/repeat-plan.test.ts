import { describe, expect, it } from 'vitest';
import { planRepeat } from './repeat-plan.ts';

const landed = (...tables: string[]) => new Set(tables);

describe('a range that an earlier life left unfinished', () => {
  it('needs nothing when its frames are noted', () => {
    expect(planRepeat({ done: true, landed: landed('deltas'), blocksSince: 9_999 }, 100)).toEqual({ kind: 'finish' });
  });

  it('is inserted whole while the engine remembers its tokens, whatever landed', () => {
    expect(planRepeat({ done: false, landed: landed('deltas'), blocksSince: 100 }, 100)).toEqual({ kind: 'insert', skip: landed() });
  });

  it('leaves out what landed once the tokens may be forgotten', () => {
    const plan = planRepeat({ done: false, landed: landed('raw_events'), blocksSince: 101 }, 100);
    expect(plan).toEqual({ kind: 'insert', skip: landed('raw_events') });
  });

  it('halts when cells landed and the tokens may be forgotten: views could be doubled or short', () => {
    expect(planRepeat({ done: false, landed: landed('deltas'), blocksSince: 101 }, 100)).toEqual({ kind: 'halt' });
  });
});
