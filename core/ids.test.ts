import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ID_PATTERN, isId, isIdText } from './ids.ts';

test('an id is what the pattern says, character by character', () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 70 }), fc.stringMatching(/^[A-Za-z0-9_.:-]{0,70}$/), fc.stringMatching(/^[ -~]{0,3}$/));
  fc.assert(fc.property(text, (given) => isId(given) === ID_PATTERN.test(given)), { numRuns: 2_000 });
  for (let code = 0; code < 0x300; code++) expect(isId(String.fromCharCode(code)), String(code)).toBe(ID_PATTERN.test(String.fromCharCode(code)));
});

test('its length is bounded, and it is a text', () => {
  expect([isIdText('', 5), isIdText('abcde', 5), isIdText('abcdef', 5)]).toEqual([false, true, false]);
  expect([isId('x'.repeat(64)), isId('x'.repeat(65)), isId(7), isId(null)]).toEqual([true, false, false, false]);
});
