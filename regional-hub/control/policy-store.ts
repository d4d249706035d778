import { desc, eq } from 'drizzle-orm';
import { DEFAULT_FLUSH_POLICY, flushPolicyFault, type FlushPolicy } from '../../core/flush/policy.ts';
import { flushPolicies, flushPolicyAudit } from '../../schemas/control-tables.ts';
import type { ControlDatabase } from './control-database.ts';

/** One change of a region's policy. */
export type PolicyChange = {
  readonly changedAtMs: number;
  /** Id of the key that made it. */
  readonly changedBy: string;
  readonly oldPolicy: FlushPolicy;
  readonly newPolicy: FlushPolicy;
};

/** Most changes that one look into the audit shows, newest first. */
export const AUDIT_ENTRIES_MAX = 1_000;

/** How each region's shards flush, and who changed it. A region that nobody tuned has the default. */
export class PolicyStore {
  readonly #database: ControlDatabase;

  constructor(database: ControlDatabase) {
    this.#database = database;
  }

  /** The policy in force: every ack to the region's shards carries it. */
  forRegion(region: string): FlushPolicy {
    return policyOf(this.#database, region);
  }

  /** Changes the given fields and books the change. Returns the policy now in force, or the first fault, with nothing changed. */
  change(request: { region: string; fields: Partial<FlushPolicy>; changedBy: string; nowMs: number }): FlushPolicy | string {
    const { region, fields, changedBy, nowMs } = request;
    return this.#database.transaction(
      (tx) => {
        const oldPolicy = policyOf(tx, region);
        const newPolicy: FlushPolicy = { ...oldPolicy, ...fields };
        const fault = flushPolicyFault(newPolicy);
        if (fault !== null) return fault;
        tx.insert(flushPolicies).values({ region, policy: newPolicy }).onConflictDoUpdate({ target: flushPolicies.region, set: { policy: newPolicy } }).run();
        tx.insert(flushPolicyAudit).values({ region, changedAtMs: nowMs, changedBy, oldPolicy, newPolicy }).run();
        return newPolicy;
      },
      { behavior: 'immediate' },
    );
  }

  /** The latest changes of a region, newest first. */
  audit(region: string): readonly PolicyChange[] {
    const rows = this.#database
      .select()
      .from(flushPolicyAudit)
      .where(eq(flushPolicyAudit.region, region))
      .orderBy(desc(flushPolicyAudit.entryId))
      .limit(AUDIT_ENTRIES_MAX)
      .all();
    return rows.map(({ changedAtMs, changedBy, oldPolicy, newPolicy }) => ({
      changedAtMs,
      changedBy,
      oldPolicy: oldPolicy as FlushPolicy,
      newPolicy: newPolicy as FlushPolicy,
    }));
  }
}

function policyOf(database: Pick<ControlDatabase, 'select'>, region: string): FlushPolicy {
  const row = database.select().from(flushPolicies).where(eq(flushPolicies.region, region)).get();
  return row === undefined ? DEFAULT_FLUSH_POLICY : { ...DEFAULT_FLUSH_POLICY, ...(row.policy as Partial<FlushPolicy>) };
}
