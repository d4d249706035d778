import { describe, expect, test } from 'vitest';
import { readConfig, type EdgeSettings } from './config.ts';
import { SETTINGS } from './fixtures/host.ts';

describe('readConfig', () => {
  test('fills in what may be left out', () => {
    expect(readConfig(SETTINGS)).toMatchObject({ pop: 'us', tallyRegion: 'us', regions: ['us', 'eu', 'ap'], redirectBudgetMs: 50, dntHonoured: false, publicUrl: '', trustForwarded: false });
    expect(readConfig({ ...SETTINGS, POP: 'fra', PUBLIC_URL: 'https://t.example', DNT: 'honour' })).toMatchObject({ tallyRegion: 'us', publicUrl: 'https://t.example', dntHonoured: true });
  });

  test.each<[string, EdgeSettings]>([
    ['POP', { POP: '' }],
    ['POP', { POP: 'a b' }],
    ['REGIONS', { REGIONS: 'us,eu' }],
    ['REGIONS', { REGIONS: '[]' }],
    ['REGIONS', { REGIONS: '["u.s"]' }],
    ['SNAPSHOT_KEY', { SNAPSHOT_KEY: '' }],
    ['VIEWER_KEY', { VIEWER_KEY: 'c2hvcnQ' }],
    ['TOKEN_KEYS', { TOKEN_KEYS: '[]' }],
    ['REDIRECT_BUDGET_MS', { REDIRECT_BUDGET_MS: '-1' }],
    ['REDIRECT_BUDGET_MS', { REDIRECT_BUDGET_MS: 'soon' }],
    ['DNT', { DNT: 'maybe' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'javascript:alert(1)' }],
    ['PUBLIC_URL', { PUBLIC_URL: 'https://a.example/path' }],
    ['TRUST_FORWARDED', { TRUST_FORWARDED: 'yes' }],
  ])('refuses a bad %s and never shows it: %o', (name, over) => {
    expect(() => readConfig({ ...SETTINGS, ...over })).toThrow(name);
  });
});
