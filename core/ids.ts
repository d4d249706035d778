/** A string that names a thing; `Kind` keeps an ad's id from standing where a campaign's is meant. */
export type Id<Kind extends string> = string & { readonly __id: Kind };

export type AdvertiserId = Id<'advertiser'>;
export type CampaignId = Id<'campaign'>;
export type AdId = Id<'ad'>;
export type CreativeId = Id<'creative'>;
export type PublisherId = Id<'publisher'>;
export type PlacementId = Id<'placement'>;

/** What every id looks like, whoever mints it. */
export const ID_PATTERN = /^[A-Za-z0-9_.:-]{1,64}$/;

/** True when `text` may be an id of any kind. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && ID_PATTERN.test(text);
}
