import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { GPL_FAMILY, licenceDocument, lockedPackages, readLock, UNKNOWN } from './licences.ts';

const packages = lockedPackages(readLock());

describe('licences', () => {
  test('nothing that ships is of the GPL family or of a licence that nobody states', () => {
    const shipped = packages.filter(({ ships }) => ships);
    expect(shipped.length).toBeGreaterThan(20);
    expect(shipped.filter(({ licence }) => GPL_FAMILY.test(licence) || licence === UNKNOWN)).toEqual([]);
  });

  test('the rule knows the family by all its names', () => {
    for (const licence of ['GPL-3.0', 'GPL-2.0-only', 'LGPL-3.0-or-later', 'AGPL-3.0', 'Apache-2.0 AND LGPL-3.0-or-later AND MIT', 'SSPL-1.0', 'BUSL-1.1']) expect(licence).toMatch(GPL_FAMILY);
    for (const licence of ['MIT', 'Apache-2.0', 'ISC', 'BSD-3-Clause', 'Unlicense', 'MPL-2.0', '0BSD']) expect(licence).not.toMatch(GPL_FAMILY);
  });

  test('docs/licences.md lists what the lock file holds (node scripts/licences.ts writes it anew)', () => {
    expect(readFileSync(new URL('../docs/licences.md', import.meta.url), 'utf8')).toBe(licenceDocument(packages));
  });
});
