import { isbot } from 'isbot';
import type { DeviceType } from '../../core/event.ts';
import { BoundedMap } from '../bounded-map.ts';
import { isImpossibleAgent } from '../screening/impossible-agent.ts';
import { agentDeviceType } from './device-type.ts';

/** What an agent string says by itself; some tens of µs to find out, so it is remembered. */
export type AgentFacts = {
  readonly declaredBot: boolean;
  readonly impossible: boolean;
  readonly deviceType: DeviceType;
};

/** Longer agents are cut before anybody looks at them; real ones end below 512. */
export const MAX_AGENT_CHARS = 512;
/** 4 096 agents × some 300 B: enough for nearly all of a POP's traffic, about 1 MB at most. */
const REMEMBERED_AGENTS = 4_096;

/** Reads agent strings, each one once while it is remembered. */
export class AgentReader {
  readonly #seen = new BoundedMap<string, AgentFacts>(REMEMBERED_AGENTS);

  read(agent: string): AgentFacts {
    const known = this.#seen.get(agent);
    if (known !== undefined) return known;
    const facts = agentFacts(agent);
    this.#seen.set(agent, facts);
    return facts;
  }
}

/** Pure: the facts of one agent string. */
export function agentFacts(agent: string): AgentFacts {
  return { declaredBot: isbot(agent), impossible: isImpossibleAgent(agent), deviceType: agentDeviceType(agent) };
}
