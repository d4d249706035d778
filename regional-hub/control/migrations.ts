/** One step of the control database's life. Steps are numbered by their place, run once and in order, and never change once released. */
export type Migration = { readonly name: string; readonly sql: string };

/** Every step so far; append, never edit. */
export const CONTROL_MIGRATIONS: readonly Migration[] = [
  {
    name: 'catalogue',
    sql: `
      CREATE TABLE advertisers (advertiser_id TEXT PRIMARY KEY, name TEXT NOT NULL, timezone TEXT NOT NULL) STRICT;
      CREATE TABLE publishers (publisher_id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
      CREATE TABLE campaigns (
        campaign_id TEXT PRIMARY KEY, advertiser_id TEXT NOT NULL, name TEXT NOT NULL, click_window_ms INTEGER NOT NULL,
        idempotency_window_ms INTEGER NOT NULL, attribution_window_ms INTEGER NOT NULL) STRICT;
      CREATE INDEX campaigns_by_advertiser ON campaigns (advertiser_id);
      CREATE TABLE ads (
        ad_id TEXT PRIMARY KEY, campaign_id TEXT NOT NULL, creative_id TEXT NOT NULL, landing_url TEXT NOT NULL,
        publisher_ids TEXT NOT NULL, format TEXT NOT NULL, pricing_model TEXT NOT NULL, price_micros INTEGER NOT NULL,
        currency TEXT NOT NULL, click_id_param TEXT NOT NULL, salts INTEGER NOT NULL, home_region TEXT NOT NULL,
        allow_unsigned INTEGER NOT NULL, status TEXT NOT NULL, active_from_ms INTEGER NOT NULL, active_to_ms INTEGER NOT NULL) STRICT;
      CREATE INDEX ads_by_campaign ON ads (campaign_id);`,
  },
  {
    name: 'keys, policies, settings',
    sql: `
      CREATE TABLE api_keys (
        key_id TEXT PRIMARY KEY, key_hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL,
        signing_secret TEXT NOT NULL, created_at_ms INTEGER NOT NULL) STRICT;
      CREATE TABLE flush_policies (region TEXT PRIMARY KEY, policy TEXT NOT NULL) STRICT;
      CREATE TABLE flush_policy_audit (
        entry_id INTEGER PRIMARY KEY AUTOINCREMENT, region TEXT NOT NULL, changed_at_ms INTEGER NOT NULL,
        changed_by TEXT NOT NULL, old_policy TEXT NOT NULL, new_policy TEXT NOT NULL) STRICT;
      CREATE INDEX flush_policy_audit_by_region ON flush_policy_audit (region, entry_id);
      CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;`,
  },
];
