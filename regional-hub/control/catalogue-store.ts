import { eq } from 'drizzle-orm';
import type { SQLiteTable } from 'drizzle-orm/sqlite-core';
import type { Ad, Advertiser, Campaign, Catalogue, Publisher } from '../../schemas/catalogue.ts';
import { checkReferences, type CatalogueBody, type CatalogueFault } from '../../schemas/catalogue-body.ts';
import { ads, advertisers, campaigns, publishers } from '../../schemas/control-tables.ts';
import type { ControlDatabase } from './control-database.ts';
import { placesAfterChange, placesAfterRemoval } from './ad-places.ts';
import { readSetting, touchSnapshot, writeSetting } from './settings-store.ts';

/** The four kinds of thing in a catalogue, as routes spell them. */
export const CATALOGUE_SECTIONS = ['advertisers', 'publishers', 'campaigns', 'ads'] as const;
export type CatalogueSection = (typeof CATALOGUE_SECTIONS)[number];
export type CatalogueItem = Advertiser | Publisher | Campaign | Ad;

/** What a PUT did, as its reply tells it: the new version and how many of each kind the body named. */
export type UpsertOutcome = { readonly ok: true; readonly catalogueVersion: number } | ({ readonly ok: false } & CatalogueFault);

/** What a DELETE did. `referenced` names a thing that still points at it, and nothing was removed. */
export type RemoveOutcome = { readonly kind: 'removed'; readonly catalogueVersion: number } | { readonly kind: 'absent' } | { readonly kind: 'referenced'; readonly by: string };

/** The advertisers, publishers, campaigns and ads of the network. Every change is one transaction and one new version. */
export class CatalogueStore {
  readonly #database: ControlDatabase;

  constructor(database: ControlDatabase) {
    this.#database = database;
  }

  /** All of it, each section in id order. */
  read(): Catalogue {
    return this.#database.transaction((tx) => readCatalogue(tx));
  }

  /** One thing, or undefined. */
  find(section: CatalogueSection, id: string): CatalogueItem | undefined {
    const catalogue = this.read();
    return itemsOf(catalogue, section).find((item) => idOf(section, item) === id);
  }

  /** Inserts and replaces what the body names, all or nothing; refuses a body that points at what is nowhere. */
  upsert(body: CatalogueBody, nowMs: number): UpsertOutcome {
    return this.#database.transaction(
      (tx) => {
        const known = readCatalogue(tx);
        const fault = checkReferences(known, body);
        if (fault !== null) return { ok: false, ...fault };
        for (const row of body.advertisers) put(tx, advertisers, advertisers.advertiserId, row);
        for (const row of body.publishers) put(tx, publishers, publishers.publisherId, row);
        for (const row of body.campaigns) put(tx, campaigns, campaigns.campaignId, row);
        writeSetting(tx, 'saltEpochs', placesAfterChange(readSetting(tx, 'saltEpochs'), { before: known.ads, after: body.ads, nowMs }));
        for (const ad of body.ads) put(tx, ads, ads.adId, rowOfAd(ad));
        return { ok: true, catalogueVersion: raiseVersion(tx, nowMs) };
      },
      { behavior: 'immediate' },
    );
  }

  /** Removes one thing that nothing points at any more. */
  remove(section: CatalogueSection, id: string, nowMs: number): RemoveOutcome {
    return this.#database.transaction(
      (tx): RemoveOutcome => {
        const catalogue = readCatalogue(tx);
        if (!itemsOf(catalogue, section).some((item) => idOf(section, item) === id)) return { kind: 'absent' };
        const by = referenceTo(catalogue, section, id);
        if (by !== undefined) return { kind: 'referenced', by };
        if (section === 'ads') writeSetting(tx, 'saltEpochs', placesAfterRemoval(readSetting(tx, 'saltEpochs'), catalogue.ads.find(({ adId }) => adId === id)!));
        deleteRow(tx, section, id);
        return { kind: 'removed', catalogueVersion: raiseVersion(tx, nowMs) };
      },
      { behavior: 'immediate' },
    );
  }
}

type Reader = Pick<ControlDatabase, 'select'>;
type Writer = Pick<ControlDatabase, 'select' | 'insert' | 'delete'>;

function readCatalogue(tx: Reader): Catalogue {
  return {
    catalogueVersion: readSetting(tx, 'catalogueVersion'),
    advertisers: tx.select().from(advertisers).orderBy(advertisers.advertiserId).all(),
    publishers: tx.select().from(publishers).orderBy(publishers.publisherId).all(),
    campaigns: tx.select().from(campaigns).orderBy(campaigns.campaignId).all(),
    ads: tx.select().from(ads).orderBy(ads.adId).all().map(adOfRow),
  };
}

function raiseVersion(tx: Writer, nowMs: number): number {
  const version = readSetting(tx, 'catalogueVersion') + 1;
  writeSetting(tx, 'catalogueVersion', version);
  touchSnapshot(tx, nowMs);
  return version;
}

function put<Table extends SQLiteTable>(tx: Writer, table: Table, key: Parameters<typeof eq>[0], row: Table['$inferInsert']): void {
  tx.insert(table)
    .values(row)
    .onConflictDoUpdate({ target: key as never, set: row as never })
    .run();
}

function deleteRow(tx: Writer, section: CatalogueSection, id: string): void {
  if (section === 'advertisers') tx.delete(advertisers).where(eq(advertisers.advertiserId, id)).run();
  if (section === 'publishers') tx.delete(publishers).where(eq(publishers.publisherId, id)).run();
  if (section === 'campaigns') tx.delete(campaigns).where(eq(campaigns.campaignId, id)).run();
  if (section === 'ads') tx.delete(ads).where(eq(ads.adId, id)).run();
}

function itemsOf(catalogue: Catalogue, section: CatalogueSection): readonly CatalogueItem[] {
  return catalogue[section];
}

function idOf(section: CatalogueSection, item: CatalogueItem): string | undefined {
  const key = { advertisers: 'advertiserId', publishers: 'publisherId', campaigns: 'campaignId', ads: 'adId' }[section];
  return (item as unknown as Record<string, string>)[key];
}

function referenceTo(catalogue: Catalogue, section: CatalogueSection, id: string): string | undefined {
  switch (section) {
    case 'advertisers':
      return nameOf('campaign', catalogue.campaigns.find((campaign) => campaign.advertiserId === id)?.campaignId);
    case 'campaigns':
      return nameOf('ad', catalogue.ads.find((ad) => ad.campaignId === id)?.adId);
    case 'publishers':
      return nameOf('ad', catalogue.ads.find((ad) => ad.publisherIds.includes(id))?.adId);
    case 'ads':
      return undefined;
  }
}

function nameOf(what: string, id: string | undefined): string | undefined {
  return id === undefined ? undefined : `${what} ${id}`;
}

function adOfRow(row: typeof ads.$inferSelect): Ad {
  const { pricingModel, priceMicros, currency, ...rest } = row;
  return { ...rest, pricing: { model: pricingModel, micros: priceMicros, currency } };
}

function rowOfAd(ad: Ad): typeof ads.$inferInsert {
  const { pricing, ...rest } = ad;
  return { ...rest, pricingModel: pricing.model, priceMicros: pricing.micros, currency: pricing.currency };
}
