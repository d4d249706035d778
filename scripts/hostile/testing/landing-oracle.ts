/** Anything in braces that looks like a macro. */
const MACRO = /\{[a-z_]+\}/g;
/** What may stand where a macro was: nothing that a URL parser would act upon. */
const FILLED = "[A-Za-z0-9._~!*()'%-]*";
const HEADER_SAFE = /^[\x21-\x7e]+$/;

/**
 * Why a Location leaves the landing URL that was registered, or null. Naive on purpose: it knows nothing of how the edge fills macros, only
 * that every literal byte must stand where it was registered, and that a browser must come to the same host and as deep into its path.
 */
export function whyItLeaves(location: string, registeredHref: string, clickIdParam = ''): string | null {
  if (!HEADER_SAFE.test(location)) return 'is no header value';
  if (!URL.canParse(location)) return 'is no URL';
  const arrived = new URL(location);
  const meant = new URL(registeredHref.replaceAll(MACRO, 'x'));
  if (arrived.protocol !== meant.protocol || arrived.host !== meant.host) return `leads to ${arrived.origin}, not ${meant.origin}`;
  if (arrived.username !== '' || arrived.password !== '') return 'has a user name';
  if (!patternOf(registeredHref, clickIdParam).test(location)) return 'differs from what was registered';
  if (arrived.pathname.split('/').length !== meant.pathname.split('/').length) return 'climbs or digs in the path';
  return null;
}

/** A registered text as WHATWG writes it down, its macros left as they are. */
export function asRegistered(text: string): string {
  const named = text.replaceAll(MACRO, (macro) => `zz${macro.slice(1, -1)}zz`);
  return new URL(named).href.replaceAll(/zz([a-z_]+?)zz/g, '{$1}');
}

function patternOf(href: string, clickIdParam: string): RegExp {
  const literals = (text: string) => text.split(MACRO).map((literal) => literal.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join(FILLED);
  const [page = '', ...fragment] = href.split('#');
  const parameter = clickIdParam === '' ? '' : `[?&]${clickIdParam}=${FILLED}`;
  return new RegExp(`^${literals(page)}(?:${parameter})${fragment.length === 0 ? '' : `#${literals(fragment.join('#'))}`}$`);
}
