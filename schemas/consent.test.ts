import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consentOf, privacyOf } from './consent.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Writes bits as the IAB does: six a character, zeros behind. */
function characters(bits: string): string {
  return (bits.padEnd(Math.ceil(bits.length / 6) * 6, '0').match(/.{6}/g) ?? []).map((six) => ALPHABET[Number.parseInt(six, 2)]).join('');
}
const bits = (value: number, width: number) => value.toString(2).padStart(width, '0');

function fibonacci(value: number): string {
  const weights = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
  let [code, left] = ['', value];
  for (const weight of weights.filter((w) => w <= value).reverse()) {
    code = (left >= weight ? '1' : '0') + code;
    if (left >= weight) left -= weight;
  }
  return `${code}1`;
}

function gpp(sections: Record<number, string>): string {
  const ids = Object.keys(sections).map(Number);
  const items = ids.map((id, i) => `0${fibonacci(id - (ids[i - 1] ?? 0))}`).join('');
  return [characters(bits(3, 6) + bits(1, 6) + bits(ids.length, 12) + items), ...Object.values(sections)].join('~');
}

function tcf(purposes: readonly number[], version = 2): string {
  const consents = Array.from({ length: 24 }, (_, i) => (purposes.includes(i + 1) ? '1' : '0')).join('');
  return characters(bits(version, 6) + '0'.repeat(146) + consents + '0'.repeat(60));
}

/** A US section: version, notices, then the choices. */
const us = (notices: number, ...choices: number[]) => characters(bits(1, 6) + bits(1, 2).repeat(notices) + choices.map((c) => bits(c, 2)).join('') + '0'.repeat(40));

describe('headers and flags', () => {
  test.each([
    [{}, false],
    [{ secGpc: '1' }, true],
    [{ secGpc: ' 1 ' }, true],
    [{ secGpc: '0' }, false],
    [{ secGpc: null }, false],
    [{ optOut: true }, true],
    [{ dnt: '1' }, false],
    [{ dnt: '1', dntHonoured: true }, true],
    [{ dnt: '0', dntHonoured: true }, false],
    [{ dntHonoured: true }, false],
    [{ gdprApplies: true }, true],
    [{ gdprApplies: true, tcf: tcf([1, 7]) }, false],
    [{ usPrivacy: '', gpp: '', tcf: '' }, false],
    [{ usPrivacy: '${US_PRIVACY}', gpp: '${GPP_STRING}', tcf: '${GDPR_CONSENT_755}' }, false],
  ])('%j → private %s', (signals, isPrivate) => {
    expect(privacyOf(signals)).toBe(isPrivate);
  });
});

describe('us_privacy', () => {
  test.each([
    ['1YNN', false], ['1NNN', false], ['1---', false], ['1YYN', true], ['1YYY', true], ['1NYN', true], ['1yyn', true], ['1ynn', false],
    ['2YNN', true], ['1YN', true], ['1YNNN', true], ['1YXN', true], ['yes', true], ['1 NN', true],
  ])('%s → private %s: opted out, or unreadable', (usPrivacy, isPrivate) => {
    expect(privacyOf({ usPrivacy })).toBe(isPrivate);
  });
});

describe('TCF', () => {
  test('consent to purposes 1 and 7 is needed, and enough', () => {
    expect(privacyOf({ tcf: tcf([1, 7]) })).toBe(false);
    expect(privacyOf({ tcf: `${tcf([1, 2, 3, 7, 24])}.YAAAAAAAAAAA.IAAA` })).toBe(false);
    expect(privacyOf({ tcf: tcf([1]) })).toBe(true);
    expect(privacyOf({ tcf: tcf([7]) })).toBe(true);
    expect(privacyOf({ tcf: tcf([2, 3, 4, 5, 6, 8, 9, 10]) })).toBe(true);
  });

  test('legitimate interest for purpose 7 is no consent', () => {
    const core = bits(2, 6) + '0'.repeat(146) + '1'.padEnd(24, '0') + '1'.repeat(24);
    expect(privacyOf({ tcf: characters(core) })).toBe(true);
  });

  test.each(['COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA', 'CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA'])('strings that CMPs wrote decode: %s', (text) => {
    // The first consents to purposes 2, 8 and 14 alone, the second to none.
    expect(privacyOf({ tcf: text })).toBe(true);
  });

  test('strings of version 1, short ones and noise are refusals', () => {
    for (const text of [tcf([1, 7], 1), tcf([1, 7]).slice(0, 20), 'C', '?', '.', tcf([1, 7]).slice(0, 26) + '!']) expect(privacyOf({ tcf: text })).toBe(true);
  });
});

describe('GPP', () => {
  test('reads the header that the specification prints', () => {
    // The specification fills the last byte up, which adds an A of zeros to both.
    expect(gpp({ 2: 'x', 6: 'y' })).toBe('DBACNY~x~y');
    expect(gpp({ 2: 'x' })).toBe('DBABM~x');
    expect(privacyOf({ gpp: 'DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN' })).toBe(true);
    expect(privacyOf({ gpp: `DBACNYA~${tcf([1, 7])}~1YNN` })).toBe(false);
    expect(privacyOf({ gpp: `DBACNYA~${tcf([1, 7])}~1YYN` })).toBe(true);
  });

  test('reads ids in groups', () => {
    // 1 item: the group 7 … 8 (start 7, length 1)
    const header = characters(bits(3, 6) + bits(1, 6) + bits(1, 12) + `1${fibonacci(7)}${fibonacci(1)}`);
    expect(privacyOf({ gpp: `${header}~${us(6, 2, 2, 2)}~${us(3, 2, 2)}` })).toBe(false);
    expect(privacyOf({ gpp: `${header}~${us(6, 2, 2, 2)}~${us(3, 2, 1)}` })).toBe(true);
  });

  test('finds each of the three national opt-outs: sale, sharing, targeted advertising', () => {
    expect(privacyOf({ gpp: gpp({ 7: us(6, 2, 2, 2) }) })).toBe(false);
    expect(privacyOf({ gpp: gpp({ 7: us(6, 0, 0, 0) }) })).toBe(false);
    for (const choices of [[1, 2, 2], [2, 1, 2], [2, 2, 1]]) expect(privacyOf({ gpp: gpp({ 7: us(6, ...choices) }) })).toBe(true);
    expect(privacyOf({ gpp: gpp({ 7: us(6, 2, 3, 2) }) })).toBe(true);
  });

  test("finds California's two: sale and sharing", () => {
    expect(privacyOf({ gpp: gpp({ 8: us(3, 2, 2) }) })).toBe(false);
    for (const choices of [[1, 2], [2, 1]]) expect(privacyOf({ gpp: gpp({ 8: us(3, ...choices) }) })).toBe(true);
  });

  test("finds every other state's two: sale and targeted advertising", () => {
    for (let id = 9; id <= 22; id++) {
      const notices = id === 11 || id === 18 ? 4 : 3;
      expect(privacyOf({ gpp: gpp({ [id]: us(notices, 2, 2) }) }), `section ${id}`).toBe(false);
      for (const choices of [[1, 2], [2, 1]]) expect(privacyOf({ gpp: gpp({ [id]: us(notices, ...choices) }) }), `section ${id}`).toBe(true);
    }
  });

  test('honours the GPC bit behind a section', () => {
    expect(privacyOf({ gpp: gpp({ 7: `${us(6, 2, 2, 2)}.QA` }) })).toBe(false);
    expect(privacyOf({ gpp: gpp({ 7: `${us(6, 2, 2, 2)}.YA` }) })).toBe(true);
  });

  test('reads strings that the reference encoder wrote', () => {
    expect(privacyOf({ gpp: 'DBABLA~BVVVkkkkkpFY.YA' })).toBe(true);
    expect(privacyOf({ gpp: 'DBABLA~BAAAAAAAAABA.QA' })).toBe(false);
    expect(privacyOf({ gpp: 'DBABLA~BVQqAAAACg' })).toBe(false);
    expect(privacyOf({ gpp: gpp({ 8: 'BVWSSSVY' }) })).toBe(true);
    expect(privacyOf({ gpp: gpp({ 8: 'BAAAAABA.QA' }) })).toBe(false);
  });

  test("takes Canada's implied consent as consent", () => {
    const canada = (express: string, implied: string) => characters(bits(1, 6) + '0'.repeat(145) + express.padEnd(24, '0') + implied.padEnd(24, '0'));
    expect(privacyOf({ gpp: gpp({ 5: canada('1000001', '') }) })).toBe(false);
    expect(privacyOf({ gpp: gpp({ 5: canada('1', '0000001') }) })).toBe(false);
    expect(privacyOf({ gpp: gpp({ 5: canada('1', '') }) })).toBe(true);
  });

  test.each([
    ['noise', 'hello'],
    ['a header alone', 'DBABLA'],
    ['more sections than ids', `${gpp({ 7: us(6, 2, 2, 2) })}~${us(3, 2, 2)}`],
    ['an empty section', gpp({ 7: '' })],
    ['a section cut short', gpp({ 7: 'BV' })],
    ['a section of noise', gpp({ 7: '!!!!!' })],
    ['a section that nobody knows', gpp({ 60: 'BAAA' })],
    ['another header version', `${characters(bits(3, 6) + bits(2, 6) + bits(0, 12))}`],
    ['a group of 10 000 ids', `${characters(bits(3, 6) + bits(1, 6) + bits(1, 12) + `1${fibonacci(7)}${'0'.repeat(18)}11`)}~`],
    ['4 095 items', characters(bits(3, 6) + bits(1, 6) + bits(4095, 12) + '1'.repeat(200))],
  ])('%s is a refusal', (_, text) => {
    expect(privacyOf({ gpp: text })).toBe(true);
  });

  test('a string of no sections says nothing', () => {
    expect(privacyOf({ gpp: characters(bits(3, 6) + bits(1, 6) + bits(0, 12)) })).toBe(false);
  });
});

describe('the consent field', () => {
  test.each([
    [undefined, undefined],
    [null, undefined],
    ['', undefined],
    ['${GDPR_CONSENT}', undefined],
    ['1YYN', true],
    ['1YNN', false],
    [gpp({ 7: us(6, 2, 2, 2) }), false],
    [gpp({ 7: us(6, 1, 2, 2) }), true],
    [tcf([1, 7]), false],
    [tcf([]), true],
    ['no', true],
    [{}, false],
    [{ opt_out: 1 }, true],
    [{ optOut: false }, false],
    [{ gpc: true }, true],
    [{ us_privacy: '1YYN' }, true],
    [{ gdpr: 1 }, true],
    [{ gdpr: 1, gdpr_consent: tcf([1, 7]) }, false],
    [{ tcString: tcf([1]) }, true],
    [{ gpp: 7 }, true],
    [5, true],
    [true, true],
    [[], true],
  ])('%j → private %s', (value, isPrivate) => {
    const signals = consentOf(value);
    expect(signals === undefined ? undefined : privacyOf(signals)).toBe(isPrivate);
  });

  test('never throws and never takes long, whatever is in it', () => {
    const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.base64String(), fc.string().map((s) => `D${s}~${s}`));
    fc.assert(
      fc.property(anyText, fc.anything(), (text, value) => {
        expect(typeof privacyOf({ secGpc: text, usPrivacy: text, gpp: text, tcf: text })).toBe('boolean');
        const signals = consentOf(value);
        if (signals !== undefined) expect(typeof privacyOf(signals)).toBe('boolean');
      }),
    );
    const start = performance.now();
    expect(privacyOf({ gpp: `DB__${'A'.repeat(1_000_000)}` })).toBe(true);
    expect(privacyOf({ tcf: 'C'.repeat(1_000_000) })).toBe(true);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
