import { TrackingError } from '../../core/errors.ts';
import { ANNOUNCED_LEAD_MS } from '../../core/routing.ts';
import type { ControlDatabase } from './control-database.ts';
import { readSetting, touchSnapshot, writeSetting, type NetworkPlan } from './settings-store.ts';

/**
 * Takes a deployment's plan over, so that edges are told of it. What was told before must stand, and a new shard count must lie `ANNOUNCED_LEAD_MS` ahead: an edge
 * that has not heard of it yet would count elsewhere. Throws `bad_configuration`, and nothing has changed.
 */
export function adoptPlan(database: ControlDatabase, { regions, shardEpochs }: NetworkPlan, nowMs: number): void {
  database.transaction(
    (tx) => {
      const told = readSetting(tx, 'plan');
      const plan = { regions, shardEpochs };
      if (JSON.stringify(told) === JSON.stringify(plan)) return;
      if (told !== null) checkAnnouncement(told, plan, nowMs);
      writeSetting(tx, 'plan', plan);
      touchSnapshot(tx, nowMs);
    },
    { behavior: 'immediate' },
  );
}

function checkAnnouncement(told: NetworkPlan, planned: NetworkPlan, nowMs: number): void {
  if (told.regions[0] !== planned.regions[0]) throw new TrackingError('bad_configuration', `REGIONS must go on to begin with ${told.regions[0]}: ads that name no region are counted there`);
  for (const [i, epoch] of told.shardEpochs.entries()) {
    const kept = planned.shardEpochs[i];
    const stands = kept?.epoch === epoch.epoch && kept.sinceMs === epoch.sinceMs && kept.shards === epoch.shards;
    if (!stands) throw new TrackingError('bad_configuration', `SHARD_EPOCHS must keep epoch ${epoch.epoch} as edges were told it: ${JSON.stringify(epoch)}`);
  }
  for (const { epoch, sinceMs } of planned.shardEpochs.slice(told.shardEpochs.length)) {
    if (sinceMs >= nowMs + ANNOUNCED_LEAD_MS) continue;
    throw new TrackingError('bad_configuration', `SHARD_EPOCHS: epoch ${epoch} must begin at least ${ANNOUNCED_LEAD_MS / 60_000} minutes from now, or edges would not have heard of it`);
  }
}
