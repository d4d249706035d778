import * as v from 'valibot';
import { ID_PATTERN } from '../core/ids.ts';
import { FREE, PRICING_MODELS } from '../core/money.ts';
import { DAY_MS, MAX_EPOCH_MS } from '../core/time.ts';
import { DEFAULT_POLICY } from './catalogue.ts';
import type { Ad, Advertiser, Campaign, Catalogue, Publisher } from './catalogue.ts';
import { parseLandingUrl } from './landing-url.ts';

/** What a `PUT /v1/catalogue` names, defaults filled in; a section that the body left out is empty. */
export type CatalogueBody = {
  readonly advertisers: readonly Advertiser[];
  readonly publishers: readonly Publisher[];
  readonly campaigns: readonly Campaign[];
  readonly ads: readonly Ad[];
};

export type CatalogueFaultCode = 'malformed' | 'unknown_field' | 'bad_landing_url' | 'repeated_id' | 'unknown_reference';
/** The first thing wrong with a body; `path` as in `ads[3].landingUrl`, '' for the body itself. */
export type CatalogueFault = { readonly code: CatalogueFaultCode; readonly message: string; readonly path: string };
export type ParsedCatalogueBody = { readonly ok: true; readonly body: CatalogueBody } | ({ readonly ok: false } & CatalogueFault);

/** Things of one kind in one body: larger catalogues come in several. */
export const MAX_ITEMS_PER_SECTION = 20_000;
const MAX_NAME_CHARS = 200;
const MAX_PUBLISHERS_PER_AD = 1_000;
const MAX_SALTS = 64;
/** A thousand units a click. Costs are summed in thousandths of a micro: some 9 000 clicks at this price are what one number holds, and more come as several. */
const MAX_PRICE_MICROS = 1_000_000_000;
const MAX_WINDOW_MS = 7 * DAY_MS;
/**
 * The least retry window. A shard forgets an id after `idempotencyWindowMs + 24 h + 2 × skew`. That must cover every copy which can still
 * come: token life (24 h) + hold (24 h of lateness) + 2 × skew. So with windows of at least a token's life, it holds by construction.
 */
const MIN_IDEMPOTENCY_WINDOW_MS = DAY_MS;

const id = v.pipe(v.string('must be a string'), v.regex(ID_PATTERN, 'must be 1 to 64 of A–Z a–z 0–9 _ . : -'));
const idOrNone = v.union([v.literal(''), id], 'must be an id of at most 64 of A–Z a–z 0–9 _ . : -, or empty');
const name = v.optional(v.pipe(v.string('must be a string'), v.maxLength(MAX_NAME_CHARS, `must have at most ${MAX_NAME_CHARS} characters`)));
const wholeNumber = (min: number, max: number) => {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(v.number(message), v.safeInteger(message), v.minValue(min, message), v.maxValue(max, message));
};
const zone = v.pipe(v.string('must be a string'), v.check(isTimeZone, 'must be an IANA time zone, as in America/New_York'));

const advertiser = v.pipe(
  v.strictObject({ advertiserId: id, name, timezone: v.optional(zone, 'UTC') }),
  v.transform((item): Advertiser => ({ ...item, name: item.name ?? item.advertiserId })),
);

const publisher = v.pipe(
  v.strictObject({ publisherId: id, name }),
  v.transform((item): Publisher => ({ ...item, name: item.name ?? item.publisherId })),
);

const campaign = v.pipe(
  v.strictObject({
    campaignId: id,
    advertiserId: id,
    name,
    clickWindowMs: v.optional(wholeNumber(0, MAX_WINDOW_MS), DEFAULT_POLICY.clickWindowMs),
    idempotencyWindowMs: v.optional(wholeNumber(MIN_IDEMPOTENCY_WINDOW_MS, MAX_WINDOW_MS), DEFAULT_POLICY.idempotencyWindowMs),
    attributionWindowMs: v.optional(wholeNumber(0, MAX_WINDOW_MS), DEFAULT_POLICY.attributionWindowMs),
  }),
  v.transform((item): Campaign => ({ ...item, name: item.name ?? item.campaignId })),
);

const pricing = v.strictObject({
  model: v.picklist(PRICING_MODELS, `must be one of ${PRICING_MODELS.join(', ')}`),
  micros: v.optional(wholeNumber(0, MAX_PRICE_MICROS), FREE.micros),
  currency: v.optional(v.pipe(v.string('must be a string'), v.regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code, as in USD')), FREE.currency),
});

const landingUrl = v.pipe(
  v.string('must be a string'),
  v.rawCheck(({ dataset, addIssue }) => {
    const parsed = dataset.typed ? parseLandingUrl(dataset.value) : undefined;
    if (parsed?.ok === false) addIssue({ message: parsed.message });
  }),
);

const publisherIds = v.pipe(
  v.array(v.union([v.literal('*'), id], 'must be a publisher id or *'), 'must be a list'),
  v.minLength(1, 'must name a publisher, or * for all'),
  v.maxLength(MAX_PUBLISHERS_PER_AD, `must name at most ${MAX_PUBLISHERS_PER_AD} publishers`),
  v.transform((ids): string[] => (ids.includes('*') ? ['*'] : [...new Set(ids)])),
);

const ad = v.pipe(
  v.strictObject({
    adId: id,
    campaignId: id,
    creativeId: v.optional(idOrNone, ''),
    landingUrl,
    publisherIds: v.optional(publisherIds, ['*']),
    format: v.optional(idOrNone, ''),
    pricing: v.optional(pricing, FREE),
    clickIdParam: v.optional(v.pipe(v.string('must be a string'), v.regex(/^[\w.~-]{0,64}$/, 'must be at most 64 of A–Z a–z 0–9 _ . ~ -')), ''),
    salts: v.optional(wholeNumber(1, MAX_SALTS), 1),
    homeRegion: v.optional(idOrNone, ''),
    allowUnsigned: v.optional(v.boolean('must be true or false'), false),
    status: v.optional(v.picklist(['active', 'paused'], 'must be active or paused'), 'active'),
    activeFromMs: v.optional(wholeNumber(0, MAX_EPOCH_MS), 0),
    activeToMs: v.optional(wholeNumber(0, MAX_EPOCH_MS), 0),
  }),
  v.forward(
    v.check((item) => item.activeToMs === 0 || item.activeToMs > item.activeFromMs, 'must be later than activeFromMs, or 0'),
    ['activeToMs'],
  ),
);

const sectionOf = <Item extends v.GenericSchema>(item: Item) =>
  v.optional(v.pipe(v.array(item, 'must be a list'), v.maxLength(MAX_ITEMS_PER_SECTION, `must have at most ${MAX_ITEMS_PER_SECTION} items`)), []);

const bodySchema = v.strictObject({
  /** What GET says may be sent back; the store numbers versions itself. */
  catalogueVersion: v.optional(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  advertisers: sectionOf(advertiser),
  publishers: sectionOf(publisher),
  campaigns: sectionOf(campaign),
  ads: sectionOf(ad),
});

/** Checks the body of `PUT /v1/catalogue` alone and fills in defaults. Unknown fields are faults, so that a typo never reads as a default. */
export function parseCatalogueBody(value: unknown): ParsedCatalogueBody {
  if (Array.isArray(value)) return { ok: false, code: 'malformed', message: 'the body must be an object', path: '' };
  const parsed = v.safeParse(bodySchema, value, { abortEarly: true, message: messageOf });
  if (!parsed.success) return { ok: false, ...faultOf(parsed.issues[0]) };
  const { advertisers, publishers, campaigns, ads } = parsed.output;
  const body = { advertisers, publishers, campaigns, ads };
  const repeated = repeatedId(body);
  return repeated === null ? { ok: true, body } : { ok: false, ...repeated };
}

/** The first thing in `body` that points at what is neither in it nor in `existing`; null when all is connected. */
export function checkReferences(existing: Pick<Catalogue, 'advertisers' | 'campaigns'>, body: CatalogueBody): CatalogueFault | null {
  const advertiserIds = new Set([...existing.advertisers, ...body.advertisers].map((item) => item.advertiserId));
  const campaignIds = new Set([...existing.campaigns, ...body.campaigns].map((item) => item.campaignId));
  const campaignAt = body.campaigns.findIndex((item) => !advertiserIds.has(item.advertiserId));
  if (campaignAt >= 0) return unknownReference(`campaigns[${campaignAt}].advertiserId`, 'advertiser', body.campaigns[campaignAt]!.advertiserId);
  const adAt = body.ads.findIndex((item) => !campaignIds.has(item.campaignId));
  return adAt < 0 ? null : unknownReference(`ads[${adAt}].campaignId`, 'campaign', body.ads[adAt]!.campaignId);
}

function unknownReference(path: string, what: string, id: string): CatalogueFault {
  return { code: 'unknown_reference', message: `${path} names ${what} ${id}, which does not exist`, path };
}

function repeatedId(body: CatalogueBody): CatalogueFault | null {
  return (
    repeatedIn('advertisers', 'advertiserId', body.advertisers.map((item) => item.advertiserId)) ??
    repeatedIn('publishers', 'publisherId', body.publishers.map((item) => item.publisherId)) ??
    repeatedIn('campaigns', 'campaignId', body.campaigns.map((item) => item.campaignId)) ??
    repeatedIn('ads', 'adId', body.ads.map((item) => item.adId))
  );
}

function repeatedIn(section: keyof CatalogueBody, field: string, ids: readonly string[]): CatalogueFault | null {
  const seen = new Set<string>();
  for (const [index, id] of ids.entries()) {
    const path = `${section}[${index}].${field}`;
    if (seen.has(id)) return { code: 'repeated_id', message: `${path} repeats ${id}`, path };
    seen.add(id);
  }
  return null;
}

function faultOf(issue: v.BaseIssue<unknown>): CatalogueFault {
  const path = pathOf(issue);
  const code = isUnknownKey(issue) ? 'unknown_field' : issue.type === 'raw_check' ? 'bad_landing_url' : 'malformed';
  return { code, message: path === '' ? `the body ${issue.message}` : `${path} ${issue.message}`, path };
}

/** Words for what the schemas above leave to the validator: wrong objects, missing and unknown keys. */
function messageOf(issue: v.BaseIssue<unknown>): string {
  if (isUnknownKey(issue)) return 'is not a known field';
  return issue.received === 'undefined' ? 'is required' : 'must be an object';
}

function isUnknownKey(issue: v.BaseIssue<unknown>): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

function pathOf(issue: v.BaseIssue<unknown>): string {
  let path = '';
  for (const { key } of issue.path ?? []) path += typeof key === 'number' ? `[${key}]` : `${path === '' ? '' : '.'}${String(key)}`;
  return path;
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
