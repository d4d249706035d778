/**
 * Where a click may lead: a URL that its advertiser registered, taken apart once so that a click only joins strings.
 * Registration decides everything; at click time nothing is parsed, and no part of a request can name a host.
 */

/** Longest destination as registered, once serialised. Filled macros may lengthen it, by an id of at most 128 characters each. */
export const MAX_LANDING_URL_CHARS = 2_048;

/** What stands in for `{campaign_id}` and the like; '' = absent. */
export type LandingValues = {
  readonly campaignId: string;
  readonly adId: string;
  readonly creativeId: string;
  readonly publisherId: string;
  readonly placementId: string;
  readonly clickId: string;
};

type Field = keyof LandingValues;
/** A gap in a URL and the literal text up to the next one. */
type Gap = { readonly field: Field; readonly inPath: boolean; readonly literal: string };
type Template = { readonly literal: string; readonly gaps: readonly Gap[] };

/** A registered destination, ready to be filled. */
export type LandingUrl = {
  /** The WHATWG serialisation, macros as they were registered. */
  readonly href: string;
  /** Up to the fragment. */
  readonly page: Template;
  /** From its `#` on; empty where there is none. */
  readonly fragment: Template;
  /** What stands between the page and one more query parameter. */
  readonly joint: '?' | '&' | '';
};

export type ParsedLandingUrl = { readonly ok: true; readonly url: LandingUrl } | { readonly ok: false; readonly message: string };

const FIELDS_BY_MACRO: ReadonlyMap<string, Field> = new Map([
  ['{campaign_id}', 'campaignId'],
  ['{ad_id}', 'adId'],
  ['{creative_id}', 'creativeId'],
  ['{publisher_id}', 'publisherId'],
  ['{placement_id}', 'placementId'],
  ['{click_id}', 'clickId'],
]);
const MACROS = [...FIELDS_BY_MACRO.keys()];

/** Controls, format characters, every kind of white space, lone surrogates, unassigned code points. */
const INVISIBLE = /[\p{C}\p{Z}]/u;
/** Both slashes written out, and a host after them. */
const HEAD = /^https?:\/\/([^/?#]+)/i;
const HOST = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])$/;
/** All that a serialised URL may hold, and a header line too. */
const PRINTABLE_ASCII = /^[\x21-\x7e]+$/;
const BRACED_NAME = /\{[a-z][a-z0-9_]*\}/g;
const OPEN_ESCAPE = /%[0-9a-f]?$/i;
const UNRESERVED = /^[\w.~-]*$/;
const ONLY_DOTS = /^\.+$/;

/**
 * Checks a destination at registration. The message completes "landingUrl …" for whoever registers it. Accepts absolute http and https
 * URLs; refuses what browsers would repair (backslashes, white space, missing slashes), user names in the host, and macros outside
 * path, query and fragment. Source: WHATWG URL.
 */
export function parseLandingUrl(text: string): ParsedLandingUrl {
  const flaw = flawOfText(text);
  if (flaw !== undefined) return { ok: false, message: flaw };
  const mark = markAbsentFrom(text);
  const marked = text.replaceAll(BRACED_NAME, (macro) => mark + MACROS.indexOf(macro) + mark);
  if (!URL.canParse(marked)) return { ok: false, message: 'is not a valid URL' };
  return parseMarked(new URL(marked), new RegExp(`${mark}(\\d)${mark}`), text.match(BRACED_NAME)?.length ?? 0);
}

/**
 * The destination of one click: macros percent-encoded, every other byte as registered, `clickIdParam=clickId` (where both are given) as
 * the query's last parameter, the fragment last. Total: whatever the values, the result is a header-safe URL of the registered origin.
 */
export function fillLandingUrl(landing: LandingUrl, values: LandingValues, clickIdParam = ''): string {
  const page = fill(landing.page, values);
  const fragment = fill(landing.fragment, values);
  if (clickIdParam === '' || values.clickId === '') return page + fragment;
  return `${page}${landing.joint}${escape(clickIdParam)}=${escape(values.clickId)}${fragment}`;
}

function flawOfText(text: string): string | undefined {
  if (text.length > MAX_LANDING_URL_CHARS) return `is longer than ${MAX_LANDING_URL_CHARS} characters`;
  if (INVISIBLE.test(text)) return 'has white space, control or invisible characters; percent-encode them';
  if (text.includes('\\')) return 'has a backslash';
  const authority = HEAD.exec(text)?.[1];
  if (authority === undefined) return 'must begin with http:// or https:// and a host';
  if (/[@%]/.test(authority)) return 'must not have a user name or an escape before the path';
  if (/[{}]/.test(authority)) return 'has a macro in its host; macros belong in path, query and fragment';
  const unknown = text.match(BRACED_NAME)?.find((name) => !FIELDS_BY_MACRO.has(name));
  return unknown === undefined ? undefined : `has the unknown macro ${unknown}; known are ${MACROS.join(' ')}`;
}

/** Letters that stand for a macro while the URL is parsed: `{` would be escaped in a path and kept in a query. */
function markAbsentFrom(text: string): string {
  const lower = text.toLowerCase();
  let n = 0;
  while (lower.includes(`z${n}q`)) n++;
  return `z${n}q`;
}

function parseMarked(url: URL, mark: RegExp, macroCount: number): ParsedLandingUrl {
  const fragmentAt = url.href.indexOf('#');
  const page = templateOf(fragmentAt < 0 ? url.href : url.href.slice(0, fragmentAt), mark);
  const fragment = templateOf(fragmentAt < 0 ? '' : url.href.slice(fragmentAt), mark);
  const href = registeredText(page) + registeredText(fragment);
  const message = flawOfUrl(url, href, mark) ?? flawOfGaps(page, fragment, macroCount);
  if (message !== undefined) return { ok: false, message };
  return { ok: true, url: { href, page, fragment, joint: jointAfter(page) } };
}

function flawOfUrl(url: URL, href: string, mark: RegExp): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be http or https';
  if (url.username !== '' || url.password !== '') return 'must not have a user name';
  if (!HOST.test(url.hostname)) return 'has a host that is not a name or an address';
  if (href.length > MAX_LANDING_URL_CHARS) return `is longer than ${MAX_LANDING_URL_CHARS} characters once it is percent-encoded`;
  if (!PRINTABLE_ASCII.test(href)) return 'does not serialise to printable ASCII';
  const climbs = url.pathname.split('/').some((segment) => mark.test(segment) && ONLY_DOTS.test(literalOf(segment, mark)));
  return climbs ? 'has a path segment of dots and macros, which could climb' : undefined;
}

function literalOf(segment: string, mark: RegExp): string {
  return segment.replaceAll(new RegExp(mark, 'g'), '').replaceAll(/%2e/gi, '.');
}

function flawOfGaps(page: Template, fragment: Template, macroCount: number): string | undefined {
  if (page.gaps.length + fragment.gaps.length !== macroCount) return 'has a macro in a part of the path that ".." removes';
  const before = [page, fragment].flatMap(({ literal, gaps }) => [literal, ...gaps.map((gap) => gap.literal)].slice(0, -1));
  return before.some((text) => OPEN_ESCAPE.test(text)) ? 'has a macro inside a percent-escape' : undefined;
}

function templateOf(text: string, mark: RegExp): Template {
  const [literal = '', ...rest] = text.split(mark);
  const gaps: Gap[] = [];
  let inPath = !text.startsWith('#') && !literal.includes('?');
  for (let i = 0; i < rest.length; i += 2) {
    const after = rest[i + 1] ?? '';
    gaps.push({ field: FIELDS_BY_MACRO.get(MACROS[Number(rest[i])]!)!, inPath, literal: after });
    inPath &&= !after.includes('?');
  }
  return { literal, gaps };
}

function registeredText({ literal, gaps }: Template): string {
  return literal + gaps.map((gap) => `${MACROS.find((macro) => FIELDS_BY_MACRO.get(macro) === gap.field)}${gap.literal}`).join('');
}

function jointAfter({ literal, gaps }: Template): LandingUrl['joint'] {
  if (![literal, ...gaps.map((gap) => gap.literal)].some((text) => text.includes('?'))) return '?';
  const last = gaps.at(-1)?.literal ?? literal;
  return last.endsWith('?') || last.endsWith('&') ? '' : '&';
}

function fill({ literal, gaps }: Template, values: LandingValues): string {
  let text = literal;
  for (const gap of gaps) {
    const value = escape(values[gap.field]);
    text += (gap.inPath ? flatten(value) : value) + gap.literal;
  }
  return text;
}

function escape(value: string): string {
  if (UNRESERVED.test(value)) return value;
  return encodeURIComponent(value.toWellFormed()).replaceAll("'", '%27');
}

/** A value of nothing but dots would make a browser climb the path, and escaping dots does not help: each becomes an underscore. */
function flatten(value: string): string {
  return ONLY_DOTS.test(value) ? '_'.repeat(value.length) : value;
}
