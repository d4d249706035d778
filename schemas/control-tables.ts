/**
 * The hub's control plane as drizzle sees it: who may do what, what is advertised, how shards flush.
 * The SQL that makes these tables is `regional-hub/control/migrations.ts`; a test holds the two together.
 */
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

export const advertisers = sqliteTable('advertisers', {
  advertiserId: text('advertiser_id').primaryKey(),
  name: text('name').notNull(),
  timezone: text('timezone').notNull(),
});

export const publishers = sqliteTable('publishers', {
  publisherId: text('publisher_id').primaryKey(),
  name: text('name').notNull(),
});

export const campaigns = sqliteTable('campaigns', {
  campaignId: text('campaign_id').primaryKey(),
  advertiserId: text('advertiser_id').notNull(),
  name: text('name').notNull(),
  clickWindowMs: integer('click_window_ms').notNull(),
  idempotencyWindowMs: integer('idempotency_window_ms').notNull(),
  attributionWindowMs: integer('attribution_window_ms').notNull(),
});

export const ads = sqliteTable('ads', {
  adId: text('ad_id').primaryKey(),
  campaignId: text('campaign_id').notNull(),
  creativeId: text('creative_id').notNull(),
  landingUrl: text('landing_url').notNull(),
  publisherIds: text('publisher_ids', { mode: 'json' }).$type<readonly string[]>().notNull(),
  format: text('format').notNull(),
  pricingModel: text('pricing_model', { enum: ['none', 'cpc', 'cpm'] }).notNull(),
  priceMicros: integer('price_micros').notNull(),
  currency: text('currency').notNull(),
  clickIdParam: text('click_id_param').notNull(),
  salts: integer('salts').notNull(),
  homeRegion: text('home_region').notNull(),
  allowUnsigned: integer('allow_unsigned', { mode: 'boolean' }).notNull(),
  status: text('status', { enum: ['active', 'paused'] }).notNull(),
  activeFromMs: integer('active_from_ms').notNull(),
  activeToMs: integer('active_to_ms').notNull(),
});

/** Never the key itself: its SHA-256. A signing secret must be kept readable, because edges verify bodies with it. */
export const apiKeys = sqliteTable('api_keys', {
  keyId: text('key_id').primaryKey(),
  keyHash: text('key_hash').notNull().unique(),
  name: text('name').notNull(),
  scopes: text('scopes', { mode: 'json' }).$type<readonly string[]>().notNull(),
  signingSecret: text('signing_secret').notNull(),
  createdAtMs: integer('created_at_ms').notNull(),
});

export const flushPolicies = sqliteTable('flush_policies', {
  region: text('region').primaryKey(),
  policy: text('policy', { mode: 'json' }).$type<Record<string, number>>().notNull(),
});

/** Append-only: who changed a region's flush policy, when, from what to what. */
export const flushPolicyAudit = sqliteTable('flush_policy_audit', {
  entryId: integer('entry_id').primaryKey({ autoIncrement: true }),
  region: text('region').notNull(),
  changedAtMs: integer('changed_at_ms').notNull(),
  changedBy: text('changed_by').notNull(),
  oldPolicy: text('old_policy', { mode: 'json' }).$type<Record<string, number>>().notNull(),
  newPolicy: text('new_policy', { mode: 'json' }).$type<Record<string, number>>().notNull(),
});

/** Single values, as JSON: the catalogue's version, the snapshot's issue time, token key status, data-centre blocks. */
export const settings = sqliteTable('settings', {
  name: text('name').primaryKey(),
  value: text('value', { mode: 'json' }).$type<unknown>().notNull(),
});
