/** No browser or app webview of the lists we test against sends an agent shorter than this. */
const SHORTEST_AGENT_CHARS = 5;

/** No browser writes these: control characters, script, a template that nobody filled in. (HbbTV does send plain markup.) */
const IMPOSSIBLE = /\p{Cc}|<script|<[?%]|\$\{|%%|\{\{|^["'`]/iu;
/** `Mozilla/5.0` and nothing that a browser would add. */
const BARE_MOZILLA = /^Mozilla\/\d\.\d+\s*$/;

/** True for an agent that no browser could have sent, the empty one included. Source: MRC IVT guidelines, GIVT "invalid user agents". */
export function isImpossibleAgent(agent: string): boolean {
  return agent.length < SHORTEST_AGENT_CHARS || BARE_MOZILLA.test(agent) || IMPOSSIBLE.test(agent);
}
