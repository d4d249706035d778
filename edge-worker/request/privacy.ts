import { privacyOf } from '../../schemas/consent.ts';

const CONSENT_IN_QUERY = /[?&](?:us_privacy|gpp|gdpr|gdpr_consent|tcf|opt_?out)=/i;

/** Whether a request asks not to be known: by its headers, or by consent strings in its query. Source: DESIGN §2, privacy. */
export function isPrivateRequest(headers: Headers, search: string, dntHonoured: boolean): boolean {
  const query = CONSENT_IN_QUERY.test(search) ? new URLSearchParams(search) : null;
  const secGpc = headers.get('sec-gpc') ?? '';
  const dnt = dntHonoured ? (headers.get('dnt') ?? '') : '';
  if (query === null && secGpc === '' && dnt === '') return false;
  return privacyOf({
    secGpc,
    dnt,
    dntHonoured,
    optOut: isSet(query?.get('optout') ?? query?.get('opt_out') ?? ''),
    usPrivacy: query?.get('us_privacy') ?? '',
    gpp: query?.get('gpp') ?? '',
    tcf: query?.get('gdpr_consent') ?? query?.get('tcf') ?? '',
    gdprApplies: query?.get('gdpr') === '1',
  });
}

function isSet(flag: string): boolean {
  return flag !== '' && flag !== '0' && flag !== 'false';
}
