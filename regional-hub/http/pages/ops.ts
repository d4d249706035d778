import { KEY_FORM, KEY_SCRIPT, page } from './page.ts';

/** `/ops`: does every event have exactly one fate, and how far behind is the store? For holders of an ops key. */
export function opsPage(): Response {
  return page({ title: 'Operations', body: BODY, script: SCRIPT });
}

const BODY = `<h1>Operations</h1>
<p>Conservation of the last hour by time of receipt, and the pipeline's lag. Refreshed every five seconds.</p>
${KEY_FORM}
<div id="report" hidden><p class="big" id="verdict"></p><table><caption>Stages</caption><thead><tr><th>Region</th><th>Received</th><th>Rejected</th><th>Accepted</th><th>Counted</th><th>Duplicate</th><th>Filtered</th><th>Held</th><th>Stored</th></tr></thead><tbody id="regions"></tbody></table>
<ul id="broken"></ul><p class="muted" id="pipeline"></p></div>`;

const SCRIPT = `${KEY_SCRIPT}
  let timer = 0;
  const cell = (row, text, className) => { const td = row.insertCell(); td.textContent = text; td.className = className ?? 'number'; };
  const show = (conservation, pipeline) => {
    byId('verdict').textContent = conservation.holds ? 'Every event accounted for' : 'Numbers disagree';
    const body = byId('regions'), broken = byId('broken');
    body.replaceChildren(); broken.replaceChildren();
    for (const { region, stages, identities } of conservation.regions) {
      const row = body.insertRow();
      cell(row, region, '');
      const { edge, shard, store } = stages;
      for (const count of [edge.received, edge.rejected, edge.accepted, shard.counted, shard.duplicate, shard.filtered, shard.held, store.accepted]) cell(row, count.toLocaleString('en'));
      for (const { name, left, right, holds } of identities) if (!holds) { const item = document.createElement('li'); item.textContent = region + ': ' + name + ' (' + left + ' against ' + right + ')'; broken.append(item); }
    }
    byId('pipeline').textContent = conservation.inFlight + ' events in flight · store ' + pipeline.lagSeconds.toFixed(1) + ' s behind the log · ' + pipeline.haltedShards.length + ' halted shards';
    byId('report').hidden = false;
    say(conservation.regions.every(({ stages }) => stages.edge.received === 0) ? 'Nothing was received in the last hour.' : '');
  };
  const refresh = async () => {
    const from = new Date(Date.now() - 3600000).toISOString();
    const replies = await Promise.all([ask('/v1/ops/conservation?from=' + from), ask('/v1/ops/pipeline')]);
    const refused = replies.find((reply) => !reply.ok);
    if (refused) return say(await refusal(refused));
    show(...(await Promise.all(replies.map((reply) => reply.json()))));
  };
  const tick = () => refresh().catch(() => say('The hub cannot be reached; trying again.'));
  byId('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    clearInterval(timer);
    say('Asking…');
    tick();
    timer = setInterval(tick, 5000);
  });
`;
