import { describe, expect, test } from 'vitest';
import { monthlyBill, SECONDS_PER_MONTH } from './cost-model.ts';
import { METERS, PRICES } from './prices.ts';

const usage = { workerRequests: 1e6, workerCpuMs: 100_000, objectRequests: 50_000, rowsWritten: 100_000, rowsRead: 0 };
const usdOf = (events: number, meter: string, standing = { objects: 0, isolates: 0 }) => monthlyBill(events, usage, standing).lines.find((line) => line.meter === meter)?.usd;

describe('a month\'s bill', () => {
  test('is the plan alone while everything is included', () => {
    expect(monthlyBill(1e6, usage, { objects: 1, isolates: 1 })).toMatchObject({ usd: 5, usdPerMillionEvents: 5 });
  });

  test('asks the list price for what goes beyond the plan, meter by meter', () => {
    expect(usdOf(1e9, 'workerRequests')).toBeCloseTo(0.3 * 990);
    expect(usdOf(1e9, 'objectRequests')).toBeCloseTo(0.15 * 49);
    expect(usdOf(1e9, 'rowsWritten')).toBeCloseTo(50);
    expect(usdOf(1e9, 'workerCpuMs')).toBeCloseTo(0.02 * 70);
  });

  test('an object that never sleeps costs 4.15 dollars a month beyond the included time', () => {
    const one = usdOf(1e6, 'gbSeconds', { objects: 101, isolates: 0 })! - usdOf(1e6, 'gbSeconds', { objects: 100, isolates: 0 })!;
    expect(one).toBeCloseTo((0.128 * SECONDS_PER_MONTH * 12.5) / 1e6);
    expect(one).toBeCloseTo(4.147, 2);
  });

  test('every price has a date and a source', () => {
    for (const meter of METERS) expect(PRICES[meter]).toMatchObject({ readOn: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), source: expect.stringContaining('.') });
  });
});
