/** The headers by which browsers tell that they fetch ahead of a person; '' = not sent. */
export type PurposeHeaders = { readonly secPurpose: string; readonly purpose: string; readonly xMoz: string; readonly xPurpose: string };

const AHEAD_OF_A_PERSON = /prefetch|prerender|preview|preload/i;

/** True when nobody has asked for the page yet. Source: Fetch, `Sec-Purpose`; its predecessors in WebKit, Gecko and Chromium. */
export function isPrefetch({ secPurpose, purpose, xMoz, xPurpose }: PurposeHeaders): boolean {
  if (secPurpose === '' && purpose === '' && xMoz === '' && xPurpose === '') return false;
  return [secPurpose, purpose, xMoz, xPurpose].some((value) => AHEAD_OF_A_PERSON.test(value));
}
