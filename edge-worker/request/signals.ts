import { isId } from '../../core/ids.ts';
import { isPrefetch } from '../screening/prefetch.ts';
import { MAX_AGENT_CHARS } from '../viewer/agent-facts.ts';
import type { DeviceHints } from '../viewer/device-type.ts';
import { ipPrefix } from '../viewer/ip.ts';

/** What Cloudflare knows of a connection. */
export type ConnectionFacts = { readonly asn?: number; readonly country?: string; readonly colo?: string };

/** All that a request says of whoever sent it; the full address stays in memory only. */
export type RequestSignals = {
  readonly method: string;
  readonly isPrefetch: boolean;
  readonly agent: string;
  readonly ip: string;
  readonly ipPrefix: string;
  readonly asn: number;
  readonly country: string;
  /** Code of the data centre that took the request; '' off Cloudflare. */
  readonly colo: string;
  readonly hints: DeviceHints;
  readonly referrer: string;
  readonly isPrivate: boolean;
};

export type SignalOptions = { readonly trustForwarded: boolean; readonly isPrivate: (headers: Headers, search: string) => boolean };

const MAX_REFERRER_CHARS = 512;
const NOBODYS_ADDRESS = '127.0.0.1';
const COUNTRY = /^[A-Z]{2}$/;
/** Cloudflare's words for "unknown". */
const NO_COUNTRY = 'XX';

/** Reads a request's headers once. `search` is its query with the `?`, for consent strings that ride there. */
export function readSignals(request: Request, search: string, options: SignalOptions): RequestSignals {
  const { headers } = request;
  const header = (name: string): string => headers.get(name) ?? '';
  const { asn = 0, country = '', colo = '' } = connectionOf(request);
  const ip = header('cf-connecting-ip') || (options.trustForwarded ? firstForwarded(header('x-forwarded-for')) : '') || NOBODYS_ADDRESS;
  return {
    method: request.method,
    isPrefetch: isPrefetch({
      secPurpose: header('sec-purpose'),
      purpose: header('purpose'),
      xMoz: header('x-moz'),
      xPurpose: header('x-purpose'),
    }),
    agent: header('user-agent').slice(0, MAX_AGENT_CHARS).toWellFormed(),
    ip,
    ipPrefix: ipPrefix(ip),
    asn,
    country: COUNTRY.test(country) && country !== NO_COUNTRY ? country : '',
    colo: isId(colo) ? colo : '',
    hints: { mobile: header('sec-ch-ua-mobile'), formFactors: header('sec-ch-ua-form-factors') },
    referrer: header('referer').slice(0, MAX_REFERRER_CHARS).toWellFormed(),
    isPrivate: options.isPrivate(headers, search),
  };
}

function connectionOf(request: Request): ConnectionFacts {
  return (request as { cf?: ConnectionFacts }).cf ?? {};
}

function firstForwarded(header: string): string {
  return header.split(',', 1)[0]!.trim();
}
