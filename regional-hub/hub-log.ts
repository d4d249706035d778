import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../core/time.ts';
import { createKafkaDeltaLog } from './adapters/kafka-delta-log.ts';
import { memberFile } from './adapters/member-file.ts';
import { createSqliteDeltaLog } from './adapters/sqlite-delta-log.ts';
import { createSqliteFrameIndex } from './adapters/sqlite-frame-index.ts';
import { openLogDatabase } from './adapters/sqlite-log-database.ts';
import type { HubConfig } from './config.ts';
import { loadHubId } from './hub-id.ts';
import type { IntakeDeps } from './intake/accept-frame.ts';
import type { DeltaLog } from './log/delta-log.ts';

/** The log that a configuration names, and what intake must know of it. */
export type HubLog = {
  readonly log: DeltaLog;
  readonly index: IntakeDeps['index'];
  readonly gaps: IntakeDeps['gaps'];
  /** What the store knows this log by. */
  readonly name: string;
  /** After the log itself is closed. */
  readonly closeFiles: () => Promise<void>;
};

export type HubLogDeps = {
  readonly clock: Clock;
  readonly makeId: () => string;
  readonly onFatal: (error: unknown) => void;
  readonly onWarning: (message: string, details: object) => void;
};

/** Kafka where brokers are named, else one SQLite file in the data folder. */
export function openHubLog(config: Pick<HubConfig, 'dataDir' | 'kafka'>, deps: HubLogDeps): HubLog {
  mkdirSync(config.dataDir, { recursive: true });
  const onHandlerError = (error: unknown): void => deps.onWarning('a sink failed; its partition is taken up again', { error });
  if (config.kafka === null) {
    const database = openLogDatabase(join(config.dataDir, 'log.sqlite'));
    const log = createSqliteDeltaLog({ database, clock: deps.clock, onHandlerError });
    return { log, index: createSqliteFrameIndex(database), gaps: 'refused', name: `sqlite/${loadHubId(config.dataDir, deps.makeId)}`, closeFiles: () => database.close() };
  }
  const { brokers, topicPrefix, partitions, replication } = config.kafka;
  const database = openLogDatabase(join(config.dataDir, 'frames.sqlite'));
  const log = createKafkaDeltaLog({
    brokers,
    topicPrefix,
    clientId: 'edgetally-hub',
    memory: memberFile(join(config.dataDir, 'kafka-member')),
    ...(partitions === undefined ? {} : { partitions }),
    ...(replication === undefined ? {} : { replication }),
    onFatal: deps.onFatal,
    onHandlerError,
    onClientLog: deps.onWarning,
  });
  return { log, index: createSqliteFrameIndex(database), gaps: 'accepted', name: `kafka/${topicPrefix}`, closeFiles: () => database.close() };
}
