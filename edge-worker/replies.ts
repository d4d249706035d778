/** Replies that several routes share. Bodies of one constant are made once; responses are made anew, since a body is read once. */

/** Nothing that counts may come out of a cache. */
const COUNTED = { 'cache-control': 'no-store, private' } as const;
const ANY_ORIGIN = { 'access-control-allow-origin': '*' } as const;

const OUT_OF_TOUCH_RETRY_S = 5;

/** A transparent image of one pixel, 43 bytes. */
const GIF = Uint8Array.from(atob('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw=='), (character) => character.charCodeAt(0));

const NOT_FOUND_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="robots" content="noindex">
<title>Not found</title><h1>This link leads nowhere</h1><p>It was cut, changed or withdrawn. Nothing was counted.</p></html>
`;

/** 302 to a destination out of the catalogue. */
export function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location, ...COUNTED } });
}

/** 200 with the pixel; a HEAD gets its headers alone. */
export function pixel(method: string): Response {
  const headers = { 'content-type': 'image/gif', 'content-length': String(GIF.length), ...COUNTED, ...ANY_ORIGIN };
  return new Response(method === 'HEAD' ? null : GIF, { status: 200, headers });
}

/** 204 to a beacon. */
export function noContent(): Response {
  return new Response(null, { status: 204, headers: { ...COUNTED, ...ANY_ORIGIN } });
}

/** 404 for a person who followed a link that we did not sign. */
export function notFoundPage(method: string): Response {
  const headers = { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff', ...COUNTED };
  return new Response(method === 'HEAD' ? null : NOT_FOUND_PAGE, { status: 404, headers });
}

/** JSON for programs; never cached, readable from any origin (no reply depends on a cookie). */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...COUNTED, ...ANY_ORIGIN, ...headers } });
}

/** The one shape of every refusal. */
export function refusal(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}): Response {
  return json(status, { code, message }, headers);
}

/** 503: nothing was acknowledged, try again. */
export function overloaded(message: string, retryAfterSeconds = 1): Response {
  return refusal(503, 'overloaded', message, { 'retry-after': String(retryAfterSeconds) });
}

/** 503 of an edge that has not heard from its hub for too long: another point of presence may have. */
export function outOfTouch(): Response {
  return overloaded('this point of presence has not heard from its network for minutes; send it again', OUT_OF_TOUCH_RETRY_S);
}

/** What a browser wants to know before it sends anything but the simplest request across origins. */
export function preflight(methods: string): Response {
  const headers = {
    ...ANY_ORIGIN,
    'access-control-allow-methods': methods,
    'access-control-allow-headers': 'content-type, content-encoding, authorization, x-signature',
    'access-control-max-age': '86400',
  };
  return new Response(null, { status: 204, headers });
}
