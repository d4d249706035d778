import { describe, expect, it } from 'vitest';
import { holds, missingFor, perform } from '../scripts/chaos/perform.ts';
import { SCENARIOS } from '../scripts/chaos/scenarios.ts';

const SHORT = { short: true, outageMs: 10_000 };

/** The quick ones of `npm run chaos`, one kill each. */
describe('traffic through the public doors while a part dies', () => {
  for (const name of ['workerd-kill', 'hub-kill', 'both-kill', 'kafka-kill']) {
    const scenario = SCENARIOS.find((each) => each.name === name);
    if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
    const missing = missingFor(scenario);
    it.skipIf(missing !== null)(
      `${scenario.fault}: every acknowledged event is counted exactly once${missing === null ? '' : ` (${missing})`}`,
      async () => {
        const outcome = await perform(scenario, SHORT, () => undefined);
        expect(outcome).toMatchObject({ verdict: { lost: 0, doubled: 0, invented: 0, neverAnswered: 0, examples: [] }, queryFaults: [], isConserved: true, faults: [] });
        expect(!('missing' in outcome) && holds(outcome) && outcome.verdict.acknowledged > 0).toBe(true);
      },
      240_000,
    );
  }
});
