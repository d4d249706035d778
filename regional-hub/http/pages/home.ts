import { KEY_FORM, KEY_SCRIPT, page } from './page.ts';

const METRICS = ['impressions', 'clicks', 'billable_clicks', 'spend_micros', 'duplicate_clicks', 'filtered_clicks'];

/** `/`: live totals of the last 24 hours for whoever holds a key. */
export function homePage(): Response {
  return page({ title: 'Live', body: BODY, script: SCRIPT });
}

const BODY = `<h1>Edgetally hub</h1>
<p>This hub takes frames from the network's shards, keeps them in its log, counts them into ClickHouse and answers queries. Numbers here are
the stream's: provisional, seconds old.</p>
${KEY_FORM}
<div id="totals" hidden><table><caption>Last 24 hours, live</caption><tbody>
${METRICS.map((metric) => `<tr><th scope="row">${metric}</th><td class="number" id="${metric}">–</td></tr>`).join('\n')}
</tbody></table><p class="muted">Stored up to <span id="watermark">–</span></p></div>`;

const SCRIPT = `${KEY_SCRIPT}
  const metrics = ${JSON.stringify(METRICS)};
  let running = null;
  const show = ({ rows, meta }) => {
    const row = rows[0];
    if (row) for (const metric of metrics) byId(metric).textContent = row[metric] === null ? '–' : Number(row[metric]).toLocaleString('en');
    byId('watermark').textContent = meta.watermarkMs ? new Date(meta.watermarkMs).toISOString() : 'nothing yet';
    byId('totals').hidden = false;
    say(row && metrics.every((metric) => !row[metric]) ? 'No events in the last 24 hours yet; this page will show them as they come.' : 'Live.');
  };
  const follow = async (signal) => {
    const from = new Date(Date.now() - 86400000).toISOString();
    const reply = await ask('/v1/stream?granularity=total&metrics=' + metrics.join(',') + '&from=' + from, signal);
    if (!reply.ok) return say(await refusal(reply));
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return say('The stream ended. Press Show to go on.');
      buffer += value;
      const events = buffer.split('\\n\\n');
      buffer = events.pop();
      for (const event of events) {
        const data = event.split('\\n').find((line) => line.startsWith('data: '));
        if (data) show(JSON.parse(data.slice(6)));
      }
    }
  };
  byId('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    running?.abort();
    running = new AbortController();
    say('Asking…');
    follow(running.signal).catch((error) => { if (error.name !== 'AbortError') say('The hub cannot be reached. Press Show to try again.'); });
  });
`;
