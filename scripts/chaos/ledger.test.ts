import { describe, expect, it } from 'vitest';
import { keyOf, Ledger, outOfBounds, type EventName } from './ledger.ts';

const event = (id: string, adId = 'ad-1'): EventName => ({ kind: 'click', adId, id });

function ledgerOf(...answers: ('acknowledged' | 'unconfirmed' | 'open')[]): Ledger {
  const ledger = new Ledger();
  for (const [index, answer] of answers.entries()) {
    ledger.send(event(`e${index}`));
    if (answer !== 'open') ledger.answer(event(`e${index}`), answer);
  }
  return ledger;
}

const counted = (...times: number[]): Map<string, number> => new Map(times.map((count, index) => [keyOf(event(`e${index}`)), count]));

describe('the ledger of the clients', () => {
  it('finds what was acknowledged and not counted, and what was counted twice, though the sums agree', () => {
    const verdict = ledgerOf('acknowledged', 'acknowledged').judge(counted(0, 2));
    expect(verdict).toMatchObject({ lost: 1, doubled: 1, invented: 0, examples: ['lost: click ad-1 e0', 'doubled: click ad-1 e1'] });
  });

  it('holds nobody to what was not promised, yet counts it', () => {
    const verdict = ledgerOf('acknowledged', 'unconfirmed', 'open').judge(counted(1));
    expect(verdict).toMatchObject({ lost: 0, unconfirmedMissing: 1, neverAnswered: 1, acknowledged: 1, unconfirmed: 1 });
  });

  it('sees events that nobody sent', () => {
    expect(ledgerOf().judge(counted(3))).toMatchObject({ invented: 3 });
  });

  it('never takes an acknowledgement back', () => {
    const ledger = ledgerOf('acknowledged');
    ledger.answer(event('e0'), 'unconfirmed');
    expect(ledger.acknowledged).toBe(1);
  });

  it('bounds each ad by what must and what may be counted', () => {
    const bounds = ledgerOf('acknowledged', 'unconfirmed', 'open').perAd();
    expect(bounds).toEqual(new Map([['click ad-1', { least: 1, most: 3 }]]));
    expect(outOfBounds(new Map([['click ad-1', 3]]), bounds)).toEqual([]);
    expect(outOfBounds(new Map([['click ad-1', 4]]), bounds)).toEqual(['click ad-1: 4 counted, 1 to 3 expected']);
    expect(outOfBounds(new Map(), bounds)).toHaveLength(1);
  });
});
