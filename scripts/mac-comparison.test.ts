import { describe, expect, test } from 'vitest';
import { comparesMac } from './mac-comparison.ts';

describe('the rule against comparing MACs bites', () => {
  test.each([
    'if (mac === expected) return true;',
    'if (expected === mac) return true;',
    'return tag == given;',
    'return given !== tag;',
    'if (bodySignature !== wanted) throw refused();',
    'return claimed.tag === made.tag;',
    'return hmac.toString("hex") === header;',
    'return header === hmac.digest.mac;',
    "ok = computedHmac.toString('hex') === parts[1];",
    "ok = parts[1] === computedHmac.toString('hex');",
    'ok = token.slice(-22) === tag.slice(0, 22);',
    'return tag.equals(claimed);',
    'return claimed.equals(tag);',
    'return Buffer.compare(a, tag) === 0;',
    'return this.#secret === text;',
    'return text === flushSecret;',
    'if (tag[i] !== other[i]) return false;',
    'return xSignature.startsWith(expected);',
    'if (HMAC === x) {}',
  ])('on %s', (line) => expect(comparesMac(line)).toBe(true));

  test.each([
    'if (tag === undefined) return null;',
    'if (signature === null) return false;',
    "return row.signingSecret !== '';",
    'if (tag.length === TAG_BYTES) return true;',
    'return equalBytes(tag, this.#bytes, TAG_BYTES);',
    'return timingSafeEqual(tagOf(key, time, body), claimed);',
    'const stage = name === tagName ? 1 : 2;',
    'if (page === percentage) {}',
    'if (stage === limit) {}',
    'requiresSignature: row.requires === true,',
    "const tags = parts.filter((part) => part.startsWith('v1='));",
  ])('and leaves alone %s', (line) => expect(comparesMac(line)).toBe(false));
});
