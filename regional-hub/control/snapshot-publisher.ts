/**
 * Carries the signed snapshot to a place where edges read it. Edges that ask the hub itself (`GET /internal/snapshot`) need none:
 * they are given what the database holds at that moment.
 */
export type SnapshotPublisher = {
  /** Told after every change, and every minute. What is told last gets there, whatever fails in between; what came before may be skipped. Never throws. */
  publish(text: string): void;
  /** Gives up what is not yet there; the next start publishes again. */
  close(): Promise<void>;
};
