import type { Stage, StageSpec } from './stage.ts';
import type { Traffic } from './traffic.ts';
import type { Watch } from './watch.ts';

/** What a scenario plays with. */
export type Play = {
  readonly stage: Stage;
  readonly traffic: Traffic;
  readonly watch: Watch;
  readonly length: PlayLength;
  readonly say: (line: string) => void;
};

/** How long faults last: `short` ones fit into a test run. */
export type PlayLength = { readonly short: boolean; readonly outageMs: number };

/** What was done: how often, when the last fault was lifted (`performance.now()`), and anything else worth a line. */
export type Deed = { readonly times: number; readonly liftedAtMs: number; readonly notes?: readonly string[]; readonly faults?: readonly string[] };

/** One fault against real parts under traffic. `act` ends with everything up again. */
export type Scenario = {
  readonly name: string;
  readonly fault: string;
  readonly spec: StageSpec;
  /** Events a second, all clients together. */
  readonly eventsPerSecond?: number;
  /** How long after the fault queries may be behind. */
  readonly healWithinMs?: number;
  /** Sets up what the stage needs; gives what takes it down again, or a reason why it cannot run here. */
  readonly prepare?: () => { readonly spec: StageSpec; readonly undo: () => void } | { readonly missing: string };
  readonly act: (play: Play) => Promise<Deed>;
};
