import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One package of the lock file. `ships`: it is there where only production dependencies are installed. */
export type LockedPackage = { readonly name: string; readonly version: string; readonly licence: string; readonly ships: boolean };

type LockEntry = {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

/** Licences that would oblige whoever ships this to give away more than he took: GPL, LGPL, AGPL, and those written after them. */
export const GPL_FAMILY = /\b(?:A|L)?GPL\b|\bSSPL\b|\bEUPL\b|\bOSL\b|\bBUSL\b/i;
export const UNKNOWN = 'unknown';

const DOCUMENT = fileURLToPath(new URL('../docs/licences.md', import.meta.url));

/** Every package that `package-lock.json` names, by name and version. A platform's build that states no licence has that of the package which asks for it. */
export function lockedPackages(lock: { readonly packages: Readonly<Record<string, LockEntry>> }): LockedPackage[] {
  const parents = new Map<string, string>();
  for (const entry of Object.values(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) if (entry.license !== undefined) parents.set(name, entry.license);
  }
  const packages = Object.entries(lock.packages).flatMap(([path, entry]) => {
    const name = path.split('node_modules/').at(-1) ?? '';
    if (path === '') return [];
    const inherited = entry.os === undefined ? undefined : parents.get(name);
    return [{ name, version: entry.version ?? '', licence: entry.license ?? inherited ?? UNKNOWN, ships: entry.dev !== true && entry.devOptional !== true }];
  });
  const unique = new Map(packages.map((each) => [`${each.name}@${each.version}`, each]));
  return [...unique.values()].toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** `docs/licences.md`. */
export function licenceDocument(packages: readonly LockedPackage[]): string {
  const shipped = packages.filter(({ ships }) => ships);
  return `# Licences

Written by \`node scripts/licences.ts\` from \`package-lock.json\`; a test holds it true and refuses GPL-family licences among what ships.
Edgetally itself is Apache-2.0.

## What ships (production dependencies)

| licence | packages |
|---|---|
${rowsByLicence(shipped).join('\n')}

| package | version | licence |
|---|---|---|
${shipped.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`).join('\n')}

## What only builds and tests

Not in what is deployed. The LGPL lines are libvips, which the image library of the Workers simulator loads.

| licence | packages |
|---|---|
${rowsByLicence(packages.filter(({ ships }) => !ships)).join('\n')}
`;
}

/** The lock file of this repository. */
export function readLock(): { packages: Record<string, LockEntry> } {
  return JSON.parse(readFileSync(fileURLToPath(new URL('../package-lock.json', import.meta.url)), 'utf8')) as { packages: Record<string, LockEntry> };
}

function rowsByLicence(packages: readonly LockedPackage[]): string[] {
  const counts = new Map<string, number>();
  for (const { licence } of packages) counts.set(licence, (counts.get(licence) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([licence, count]) => `| ${licence} | ${count} |`);
}

if (import.meta.main) {
  writeFileSync(DOCUMENT, licenceDocument(lockedPackages(readLock())));
  console.log(`wrote ${DOCUMENT}`);
}
