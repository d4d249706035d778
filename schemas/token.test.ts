import { NO_KEY } from '../core/event.ts';
import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_TOKEN_CHARS, MAX_TOKEN_TTL_MS, TokenSigner, TokenVerifier, nonceText, parseTokenKeys } from './token.ts';
import type { TokenDraft, TokenKeys } from './token.ts';

const keys: TokenKeys = [
  { kid: 1, secret: randomBytes(32) },
  { kid: 2, secret: randomBytes(32) },
];
const signer = new TokenSigner(keys);
const verifier = new TokenVerifier(keys);

const draft: TokenDraft = {
  purpose: 'click',
  issuedAtMs: 1_760_000_000_123,
  expiresAtMs: 1_760_000_000_123 + MAX_TOKEN_TTL_MS,
  nonce: randomBytes(16),
  route: 0xffff,
  salts: 1,
  slot: { epoch: 0, shard: 3 },
  contextHash: 0,
  viewer: NO_KEY,
  adId: 'ad-1',
  publisherId: 'pub-1',
  placementId: 'top',
  homeRegion: 'us',
};

const idText = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/);
const anyDraft: fc.Arbitrary<TokenDraft> = fc
  .record({
    purpose: fc.constantFrom('click' as const, 'impression' as const),
    issuedAtMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    ttlMs: fc.integer({ min: 1, max: MAX_TOKEN_TTL_MS }),
    nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => new Uint8Array(bytes)),
    route: fc.integer({ min: 0, max: 0xffff }),
    salts: fc.integer({ min: 1, max: 64 }),
    slot: fc.record({ epoch: fc.nat({ max: 0xffff }), shard: fc.nat({ max: 0xffff }) }),
    contextHash: fc.integer({ min: 0, max: 0xffff_ffff }),
    viewer: fc.record({ lo: fc.integer({ min: 0, max: 0xffff_ffff }), hi: fc.integer({ min: 0, max: 0xffff_ffff }) }),
    adId: idText,
    publisherId: idText,
    placementId: fc.oneof(fc.constant(''), idText),
    homeRegion: idText,
  })
  .map(({ ttlMs, ...rest }) => ({ ...rest, expiresAtMs: rest.issuedAtMs + ttlMs }));

describe('a token', () => {
  test('says what was signed, whatever its fields', () => {
    fc.assert(
      fc.property(anyDraft, (fields) => {
        const text = signer.sign(fields);
        expect(text).toMatch(/^[\w-]+$/);
        expect(text.length).toBeLessThanOrEqual(MAX_TOKEN_CHARS);
        expect(verifier.verify(text, fields.purpose)).toEqual({ ok: true, token: { ...fields, kid: 1 } });
      }),
    );
  });

  test('is short: everyday ids take 110 characters, ids of 64 still fit', () => {
    expect(signer.sign(draft).length).toBeLessThanOrEqual(110);
    const long = 'x'.repeat(64);
    const text = signer.sign({ ...draft, adId: long, publisherId: long, placementId: long, homeRegion: long });
    expect(text.length).toBe(MAX_TOKEN_CHARS);
    expect(verifier.verify(text, 'click')).toMatchObject({ ok: true, token: { adId: long, homeRegion: long } });
  });

  test('stays authentic when it has expired: expiry is for the caller to judge', () => {
    expect(verifier.verify(signer.sign({ ...draft, issuedAtMs: 1, expiresAtMs: 2 }), 'click')).toMatchObject({ ok: true, token: { expiresAtMs: 2 } });
  });

  test('keeps its fields when the verifier reads another one', () => {
    const first = verifier.verify(signer.sign(draft), 'click');
    verifier.verify(signer.sign({ ...draft, adId: 'other', nonce: randomBytes(16) }), 'click');
    expect(first).toEqual({ ok: true, token: { ...draft, kid: 1, nonce: new Uint8Array(draft.nonce) } });
  });

  test('names its nonce in 22 characters that belong to no other nonce', () => {
    expect(nonceText(draft.nonce)).toBe(Buffer.from(draft.nonce).toString('base64url'));
    expect(nonceText(draft.nonce)).toHaveLength(22);
  });
});

describe('a forged token', () => {
  const text = signer.sign(draft);

  test('is refused after any single-bit flip', () => {
    const bytes = Buffer.from(text, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifier.verify(flipped.toString('base64url'), 'click').ok, `bit ${bit}`).toBe(false);
    }
  });

  test('is refused after any change of one character, any truncation and any addition', () => {
    for (let i = 0; i < text.length; i++) {
      expect(verifier.verify(text.slice(0, i), 'click').ok).toBe(false);
      for (const c of 'A_z9-=+ ') if (text[i] !== c) expect(verifier.verify(text.slice(0, i) + c + text.slice(i + 1), 'click').ok).toBe(false);
    }
    for (const tail of ['A', '=', '==', 'AAAA', '\n', '%00']) expect(verifier.verify(text + tail, 'click').ok).toBe(false);
    expect(verifier.verify(text.slice(1), 'click').ok).toBe(false);
  });

  test('is refused in a second spelling of the same bytes', () => {
    // 33 to 35 signed bytes of ids: all three lengths modulo 3, so that 0, 2 and 4 stray bits occur.
    for (const adId of ['a', 'ab', 'abc']) {
      const token = signer.sign({ ...draft, adId });
      const bytes = Buffer.from(token, 'base64url').toString('hex');
      for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
        const twin = token.slice(0, -1) + c;
        const isTwin = twin !== token && Buffer.from(twin, 'base64url').toString('hex') === bytes;
        if (isTwin) expect(verifier.verify(twin, 'click')).toEqual({ ok: false, why: 'malformed' });
      }
    }
  });

  test('is refused for another purpose, and says so only when it is ours', () => {
    const impression = signer.sign({ ...draft, purpose: 'impression' });
    expect(verifier.verify(impression, 'click')).toEqual({ ok: false, why: 'wrong_purpose' });
    expect(verifier.verify(text, 'impression')).toEqual({ ok: false, why: 'wrong_purpose' });
    const relabelled = Buffer.from(impression, 'base64url');
    relabelled[2] = 1;
    expect(verifier.verify(relabelled.toString('base64url'), 'click')).toEqual({ ok: false, why: 'bad_signature' });
  });

  test('never verifies and never throws, whatever the text', () => {
    const nearly = fc.tuple(fc.nat(text.length), fc.string({ maxLength: 8 })).map(([at, noise]) => text.slice(0, at) + noise + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), nearly, fc.base64String()), (forged) => {
        fc.pre(forged !== text);
        expect(verifier.verify(forged, 'click').ok).toBe(false);
      }),
      { numRuns: 2_000 },
    );
    expect(verifier.verify('A'.repeat(5_000_000), 'click')).toEqual({ ok: false, why: 'malformed' });
  });

  test('of another network is refused', () => {
    const foreign = new TokenSigner([{ kid: 1, secret: randomBytes(32) }]);
    expect(verifier.verify(foreign.sign(draft), 'click')).toEqual({ ok: false, why: 'bad_signature' });
    const unknown = new TokenSigner([{ kid: 9, secret: randomBytes(32) }]);
    expect(verifier.verify(unknown.sign(draft), 'click')).toEqual({ ok: false, why: 'unknown_key' });
  });
});

describe('rotation', () => {
  // kid 1 signs ─► kid 2 signs, 1 still verifies ─► 1 revoked
  test('loses no valid token while both keys live, and ends with the old key dead', () => {
    const old = signer.sign(draft);
    const rotated = { signingKid: 2, revokedKids: [] };
    const fresh = signer.withStatus(rotated).sign(draft);
    for (const token of [old, fresh]) expect(verifier.withStatus(rotated).verify(token, 'click').ok).toBe(true);
    expect(verifier.verify(fresh, 'click')).toMatchObject({ token: { kid: 2 } });

    const after = { signingKid: 2, revokedKids: [1] };
    expect(verifier.withStatus(after).verify(old, 'click')).toEqual({ ok: false, why: 'revoked' });
    expect(verifier.withStatus(after).verify(fresh, 'click').ok).toBe(true);
    expect(verifier.verify(old, 'click').ok).toBe(true);
  });

  test('signs with a live key when the one it is told is revoked or has not arrived', () => {
    for (const status of [{ signingKid: 1, revokedKids: [1] }, { signingKid: 7, revokedKids: [1] }, { signingKid: 0, revokedKids: [1] }]) {
      expect(verifier.verify(signer.withStatus(status).sign(draft), 'click')).toMatchObject({ ok: true, token: { kid: 2 } });
    }
    expect(() => signer.withStatus({ signingKid: 1, revokedKids: [1, 2] }).sign(draft)).toThrow('every token key is revoked');
  });
});

describe('a minter', () => {
  test.each([
    [{ expiresAtMs: draft.issuedAtMs }],
    [{ expiresAtMs: draft.issuedAtMs + MAX_TOKEN_TTL_MS + 1 }],
    [{ issuedAtMs: -1, expiresAtMs: 1 }],
    [{ issuedAtMs: 0.5, expiresAtMs: 1.5 }],
    [{ nonce: new Uint8Array(15) }],
    [{ route: 0x1_0000 }],
    [{ route: -1 }],
    [{ slot: { epoch: 0x1_0000, shard: 0 } }],
    [{ slot: { epoch: 0, shard: -1 } }],
    [{ contextHash: 2 ** 32 }],
    [{ adId: 'a b' }],
    [{ publisherId: 'x'.repeat(65) }],
    [{ homeRegion: 'ü' }],
  ])('that breaks its promise with %j signs nothing', (wrong) => {
    expect(() => signer.sign({ ...draft, ...wrong })).toThrow('assertion failed');
  });
});

describe('parseTokenKeys', () => {
  const secret = () => randomBytes(32).toString('base64url');

  test('reads the keys in order', () => {
    const [a, b] = [secret(), secret()];
    expect(parseTokenKeys(JSON.stringify([{ kid: 3, secret: a }, { kid: 1, secret: b }]))).toEqual([
      { kid: 3, secret: new Uint8Array(Buffer.from(a, 'base64url')) },
      { kid: 1, secret: new Uint8Array(Buffer.from(b, 'base64url')) },
    ]);
  });

  const twin = secret();
  test.each([
    ['nothing', undefined, 'not JSON'],
    ['an empty setting', '', 'not JSON'],
    ['bad JSON', '[{', 'not JSON'],
    ['no list', '{}', 'list of 1 to 8'],
    ['no key', '[]', 'list of 1 to 8'],
    ['null', '[null]', 'kid'],
    ['kid 0', JSON.stringify([{ kid: 0, secret: secret() }]), 'kid'],
    ['kid 256', JSON.stringify([{ kid: 256, secret: secret() }]), 'kid'],
    ['a text for a kid', JSON.stringify([{ kid: '1', secret: secret() }]), 'kid'],
    ['a repeated kid', JSON.stringify([{ kid: 1, secret: secret() }, { kid: 1, secret: secret() }]), 'kid 1 is repeated'],
    ['a repeated secret', JSON.stringify([{ kid: 1, secret: twin }, { kid: 2, secret: twin }]), 'secret is the one of kid 1'],
    ['no secret', JSON.stringify([{ kid: 1 }]), 'secret is empty'],
    ['a number for a secret', JSON.stringify([{ kid: 1, secret: 5 }]), 'secret is not a string'],
    ['a short secret', JSON.stringify([{ kid: 1, secret: randomBytes(31).toString('base64url') }]), '31 bytes'],
  ])('refuses %s', (_, json, message) => {
    expect(() => parseTokenKeys(json)).toThrow(message);
  });
});
