import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { comparesMac } from './mac-comparison.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = ['core', 'schemas', 'edge-worker', 'durable-objects', 'regional-hub', 'local', 'simulation', 'bench', 'scripts', 'sdk'];

/** Who may import whom; the order is the order in which a click meets them. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  schemas: ['schemas', 'core'],
  'durable-objects': ['durable-objects', 'core', 'schemas'],
  'edge-worker': ['edge-worker', 'core', 'schemas'],
  'regional-hub': ['regional-hub', 'core', 'schemas'],
  local: ['local', 'core', 'schemas'],
  simulation: FOLDERS,
  bench: FOLDERS,
  scripts: FOLDERS,
  sdk: ['sdk'],
};
/** Stages of the hub may share ports with one another, never reach into each other's adapters. */
const EDGE_MAY_REEXPORT = new Set(['edge-worker/main.ts', 'edge-worker/env.ts']);
const PACKAGES_OF_CORE = new Set(['xxhash-wasm']);
const PACKAGES_OF_SCHEMAS = /^(valibot|drizzle-orm(\/.*)?)$/;

/** Only composition roots and shells' edges read clocks or draw chance. */
const CLOCKS_AND_CHANCE = /\b(Date\.now\(|Math\.random\(|crypto\.randomUUID\(|crypto\.getRandomValues\(|setTimeout\(|setInterval\(|performance\.now\(|new Date\(\))/;

const MAX_LINES = 320;

type Source = { readonly path: string; readonly folder: string; readonly text: string; readonly isTest: boolean };

const sources = FOLDERS.flatMap((folder) => listSources(join(ROOT, folder), folder));

describe('tidy', () => {
  it('imports follow the table', () => {
    const breaches = sources.filter((source) => !source.isTest).flatMap((source) => importsOf(source).flatMap((target) => breachOf(source, target)));
    expect(breaches).toEqual([]);
  });

  it('core reads no clock, draws nothing and logs nothing', () => {
    const breaches = sources
      .filter(({ folder, isTest }) => (folder === 'core' || folder === 'schemas') && !isTest)
      .flatMap(({ path, text }) => linesMatching(path, text, CLOCKS_AND_CHANCE).concat(linesMatching(path, text, /\bconsole\./)));
    expect(breaches).toEqual([]);
  });

  it('nobody compares MACs, tags, signatures or secrets in a time that tells where they differ', () => {
    const breaches = sources.filter(({ isTest, folder }) => !isTest && folder !== 'bench').flatMap(({ path, text }) => linesMatching(path, text, { test: comparesMac }));
    expect(breaches).toEqual([]);
  });

  it('files are short enough to hold in the head', () => {
    const long = sources.filter(({ isTest, text }) => !isTest && text.split('\n').length > MAX_LINES).map(({ path }) => path);
    expect(long).toEqual([]);
  });

  it('no file is dead: everything but roots and tests is imported by somebody', () => {
    const roots = new Set([...rootsOfPackageJson(), 'edge-worker/main.ts', 'regional-hub/main.ts', 'local/catalogue-kv.ts']);
    const imported = new Set(sources.flatMap((source) => [...importsOf(source), ...startedBy(source)]));
    const dead = sources
      .filter(({ path, isTest }) => !isTest && !path.endsWith('.d.ts') && !roots.has(path) && !imported.has(path))
      .map(({ path }) => path);
    expect(dead).toEqual([]);
  });

  it('code says what is, not what is yet to be done', () => {
    const breaches = sources
      .filter(({ path }) => path !== 'scripts/tidy.test.ts')
      .flatMap(({ path, text }) => linesMatching(path, text, /\b(TODO|FIXME|XXX)\b|@ts-ignore|@ts-nocheck|: any\b|as any\b/));
    expect(breaches).toEqual([]);
  });
});

function listSources(dir: string, folder: string): Source[] {
  let entries;
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const full = join(dir, entry.name);
    if (entry.isDirectory()) return listSources(full, folder);
    if (!entry.name.endsWith('.ts')) return [];
    const path = relative(ROOT, full);
    const isTest = /\.(test|contract)\.ts$|-(arbitraries|fixture)\.ts$/.test(path) || /(^|\/)(testing|fixtures)\//.test(path);
    return [{ path, folder, text: readFileSync(full, 'utf8'), isTest }];
  });
}

/** Repository paths, or package names, that a file imports. */
function importsOf({ path, text }: Source): string[] {
  return matches(path, text, /(?:from|import)\s*\(?\s*'([^']+)'/g);
}

/** Repository paths that a file starts as processes or bundles: named, not imported. */
function startedBy({ path, text }: Source): string[] {
  return matches(path, text, /new URL\('(\.[^']+\.ts)', import\.meta\.url\)/g);
}

function matches(path: string, text: string, pattern: RegExp): string[] {
  const names = [...text.matchAll(pattern)].map((match) => match[1] as string);
  return names.map((name) => (name.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(path), name)) : name));
}

function isPackage(target: string): boolean {
  return !FOLDERS.includes(target.split('/')[0] as string);
}

function breachOf(source: Source, target: string): string[] {
  const breach = `${source.path} imports ${target}`;
  if (isPackage(target)) {
    if (source.folder === 'core' && !PACKAGES_OF_CORE.has(target)) return [breach];
    if (source.folder === 'schemas' && !PACKAGES_OF_SCHEMAS.test(target)) return [breach];
    return [];
  }
  const folder = target.split('/')[0] as string;
  if ((MAY_IMPORT[source.folder] as readonly string[]).includes(folder)) return [];
  if (folder === 'durable-objects' && EDGE_MAY_REEXPORT.has(source.path)) return [];
  return isTypeImport(source, target) && source.folder === 'edge-worker' && folder === 'durable-objects' ? [] : [breach];
}

function isTypeImport({ text, path }: Source, target: string): boolean {
  const specifier = relative(dirname(path), target);
  return text.split('\n').some((line) => line.startsWith('import type') && line.includes(specifier));
}

function rootsOfPackageJson(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  return Object.values(scripts).flatMap((command) => command.match(/[\w./-]+\.ts/g) ?? []);
}

function linesMatching(path: string, text: string, pattern: { test(line: string): boolean }): string[] {
  return text.split('\n').flatMap((line, index) => (pattern.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []));
}
