import { eq } from 'drizzle-orm';
import type { AdPlaceNotes, ShardEpoch } from '../../schemas/catalogue.ts';
import { settings } from '../../schemas/control-tables.ts';
import type { ControlDatabase } from './control-database.ts';

/** Which token key signs new tokens (0 = the edge's first) and which are dead. */
export type TokenKeyStatus = { readonly signingKid: number; readonly revokedKids: readonly number[] };

/** What the deployment fixes and every snapshot repeats. */
export type NetworkPlan = { readonly regions: readonly string[]; readonly shardEpochs: readonly ShardEpoch[] };

/** Every single value that the control plane keeps, with what it is before anybody set it. */
export type Settings = {
  /** +1 with each change of the catalogue. */
  readonly catalogueVersion: number;
  /** Time of the latest change of anything that edges are told; strictly rising, so that it orders snapshots. */
  readonly snapshotIssuedAtMs: number;
  readonly tokenKeys: TokenKeyStatus;
  readonly dataCenterCidrs: readonly string[];
  /** By ad; kept for ads that were removed, which may come back. */
  readonly saltEpochs: AdPlaceNotes;
  /** As edges were told it; null before the first start. */
  readonly plan: NetworkPlan | null;
};

const INITIAL: Settings = {
  catalogueVersion: 0,
  snapshotIssuedAtMs: 0,
  tokenKeys: { signingKid: 0, revokedKids: [] },
  dataCenterCidrs: [],
  saltEpochs: {},
  plan: null,
};

/** The value in force. */
export function readSetting<Name extends keyof Settings>(database: Pick<ControlDatabase, 'select'>, name: Name): Settings[Name] {
  const row = database.select().from(settings).where(eq(settings.name, name)).get();
  return row === undefined ? INITIAL[name] : (row.value as Settings[Name]);
}

/** Sets one value. */
export function writeSetting<Name extends keyof Settings>(database: Pick<ControlDatabase, 'insert'>, name: Name, value: Settings[Name]): void {
  database.insert(settings).values({ name, value }).onConflictDoUpdate({ target: settings.name, set: { value } }).run();
}

/** Marks that edges must be told something new. Call inside the transaction of the change. */
export function touchSnapshot(database: Pick<ControlDatabase, 'select' | 'insert'>, nowMs: number): void {
  const issuedAtMs = readSetting(database, 'snapshotIssuedAtMs');
  writeSetting(database, 'snapshotIssuedAtMs', Math.max(issuedAtMs + 1, nowMs));
}
