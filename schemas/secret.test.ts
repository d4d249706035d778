import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { TrackingError } from '../core/errors.ts';
import { requireSecret } from './secret.ts';

const base64url = (text: string) => Buffer.from(text, 'latin1').toString('base64url');
const sequence = (step: number) => Buffer.from(Array.from({ length: 32 }, (_, i) => (i * step) & 0xff)).toString('base64url');

describe('requireSecret', () => {
  test('accepts what was drawn at random, 20 000 times in a row', () => {
    for (let i = 0; i < 20_000; i++) {
      const secret = randomBytes(32);
      expect(requireSecret('KEY', secret.toString('base64url'))).toEqual(new Uint8Array(secret));
    }
  });

  test.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['a short one', randomBytes(16).toString('base64url')],
    ['a padded one', `${randomBytes(32).toString('base64url')}=`],
    ['plain base64', `${randomBytes(33).toString('base64url').slice(0, 40)}+/+/`],
    ['one letter', 'a'.repeat(43)],
    ['zeros', base64url('\0'.repeat(32))],
    ['a repeated word', base64url('abcdefgh'.repeat(4))],
    ['a counter', sequence(1)],
    ['a counter by seven', sequence(7)],
    ['the alphabet typed in', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'],
    ['digits typed in', '01234567890123456789012345678901234567890123'],
    ['a sample, encoded', base64url('please-change-me-before-you-go-to-production')],
    ['a sample, typed in', 'this-is-only-an-example-key-0123456789-abcdef'],
    ['the word secret', base64url('my super secret key for this nice project!')],
    ['two kilobytes', randomBytes(2_048).toString('base64url')],
  ])('refuses %s, names the setting and never shows its value', (_, value) => {
    let thrown: unknown;
    try {
      requireSecret('FLUSH_KEY', value);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TrackingError);
    const { code, message } = thrown as TrackingError;
    expect(code).toBe('bad_configuration');
    expect(message).toContain('FLUSH_KEY');
    if (value !== undefined && value !== '') expect(message).not.toContain(value);
  });
});
