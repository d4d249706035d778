import { TrackingError } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import { requireDistinct, requireSecret } from '../schemas/secret.ts';
import { parseTokenKeys, type TokenKeys } from '../schemas/token.ts';

/** The settings of an edge as its host gives them: text. */
export type EdgeSettings = {
  readonly POP?: string;
  readonly REGIONS?: string;
  readonly SNAPSHOT_KEY?: string;
  readonly TOKEN_KEYS?: string;
  readonly VIEWER_KEY?: string;
  readonly REDIRECT_BUDGET_MS?: string;
  readonly DNT?: string;
  readonly PUBLIC_URL?: string;
  readonly TRUST_FORWARDED?: string;
};

/** The settings, understood. */
export type EdgeConfig = {
  /** Where events enter; written into those whose data centre the network does not tell. */
  readonly pop: string;
  /** Region in whose books this edge's refusals stand: the POP's own, or the network's first for a POP outside of all. */
  readonly tallyRegion: string;
  /** Home regions of the network; ads that name none live in the first. */
  readonly regions: readonly string[];
  readonly snapshotKey: Uint8Array;
  readonly tokenKeys: TokenKeys;
  readonly viewerKey: Uint8Array;
  /** How long a redirect may wait for its commit. */
  readonly redirectBudgetMs: number;
  readonly dntHonoured: boolean;
  /** Origin of the URLs we hand out; '' = the request's own. */
  readonly publicUrl: string;
  /** Believe X-Forwarded-For: only behind a proxy that sets it. */
  readonly trustForwarded: boolean;
};

export const DEFAULT_REDIRECT_BUDGET_MS = 50;
/** A person notices more than this. */
const MAX_REDIRECT_BUDGET_MS = 2_000;
const MAX_REGIONS = 64;

/** Reads the settings; throws `bad_configuration` with the name of the first bad one, never its value. */
export function readConfig(settings: EdgeSettings): EdgeConfig {
  const pop = settings.POP ?? '';
  if (!isId(pop)) throw badSetting('POP', 'must be an id');
  const regions = readRegions(settings.REGIONS);
  const secrets = readSecrets(settings);
  return {
    pop,
    tallyRegion: regions.includes(pop) ? pop : regions[0]!,
    regions,
    ...secrets,
    redirectBudgetMs: readBudget(settings.REDIRECT_BUDGET_MS),
    dntHonoured: oneOf('DNT', settings.DNT, ['ignore', 'honour']) === 'honour',
    publicUrl: readOrigin(settings.PUBLIC_URL),
    trustForwarded: oneOf('TRUST_FORWARDED', settings.TRUST_FORWARDED, ['0', '1']) === '1',
  };
}

function readSecrets(settings: EdgeSettings): Pick<EdgeConfig, 'snapshotKey' | 'tokenKeys' | 'viewerKey'> {
  const snapshotKey = requireSecret('SNAPSHOT_KEY', settings.SNAPSHOT_KEY);
  const viewerKey = requireSecret('VIEWER_KEY', settings.VIEWER_KEY);
  const tokenKeys = parseTokenKeys(settings.TOKEN_KEYS);
  const ofTokens = tokenKeys.map(({ kid, secret }) => ({ name: `TOKEN_KEYS, kid ${kid}`, secret }));
  requireDistinct([{ name: 'SNAPSHOT_KEY', secret: snapshotKey }, { name: 'VIEWER_KEY', secret: viewerKey }, ...ofTokens]);
  return { snapshotKey, tokenKeys, viewerKey };
}

/** A region's name is a part of shard names, between dots. */
const REGION_PATTERN = /^[A-Za-z0-9_-]{1,32}$/;

function readRegions(json: string | undefined): readonly string[] {
  const list = parseJson(json);
  const isList = Array.isArray(list) && list.length > 0 && list.length <= MAX_REGIONS;
  if (!isList || !list.every((name): name is string => typeof name === 'string' && REGION_PATTERN.test(name))) {
    throw badSetting('REGIONS', 'must be a JSON list of region names');
  }
  return list;
}

function readBudget(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_REDIRECT_BUDGET_MS;
  const budgetMs = Number(text);
  if (!Number.isInteger(budgetMs) || budgetMs < 0 || budgetMs > MAX_REDIRECT_BUDGET_MS) {
    throw badSetting('REDIRECT_BUDGET_MS', `must be a whole number from 0 to ${MAX_REDIRECT_BUDGET_MS}`);
  }
  return budgetMs;
}

function readOrigin(text: string | undefined): string {
  if (text === undefined || text === '') return '';
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '') throw badSetting('PUBLIC_URL', 'must be an http or https origin');
  return url.origin;
}

function oneOf<Choice extends string>(name: string, text: string | undefined, choices: readonly [Choice, Choice]): Choice {
  if (text === undefined || text === '') return choices[0];
  const choice = choices.find((known) => known === text);
  if (choice === undefined) throw badSetting(name, `must be ${choices.join(' or ')}`);
  return choice;
}

function parseJson(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? '');
  } catch {
    return undefined;
  }
}

function badSetting(name: string, flaw: string): TrackingError {
  return new TrackingError('bad_configuration', `${name} ${flaw}`);
}
