import { METRICS } from '../../query/metrics.ts';
import { DIMENSIONS } from '../../query/dimensions.ts';
import { openApiDocument } from '../openapi.ts';
import { escapeHtml, page } from './page.ts';

type Operation = { readonly summary: string; readonly description: string; readonly parameters: readonly { name: string; in: string; description?: string }[]; readonly requestBody?: { content: Content }; readonly responses: Readonly<Record<string, { content?: Content }>> };
type Content = Readonly<Record<string, { readonly example?: unknown }>>;

/** `/docs`: the OpenAPI document for people. */
export function docsPage(): Response {
  const { paths } = openApiDocument() as { paths: Record<string, Record<string, Operation>> };
  const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => sectionOf(method, path, operation)));
  return page({ title: 'API', body: `${INTRODUCTION}${operations.join('\n')}` });
}

const INTRODUCTION = `<h1>API of this hub</h1>
<p>The same for machines: <a href="/openapi.json">/openapi.json</a>. Keys go into <code>Authorization: Bearer …</code>. Refusals are <code>{code, message}</code>.</p>
<p>Metrics: ${METRICS.map((metric) => `<code>${metric}</code>`).join(', ')}.</p>
<p>Dimensions: ${DIMENSIONS.map((dimension) => `<code>${dimension}</code>`).join(', ')}.</p>
<pre>curl -H "Authorization: Bearer $KEY" \\
  'http://localhost:8788/v1/query?metrics=clicks,spend_micros&amp;group_by=campaign_id&amp;granularity=1h&amp;from=2026-09-21&amp;tz=Europe/Paris'</pre>`;

function sectionOf(method: string, path: string, { summary, description, parameters, requestBody, responses }: Operation): string {
  const rows = parameters.filter((parameter) => parameter.in === 'query').map(({ name, description: meaning }) => `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(meaning ?? '')}</td></tr>`);
  const [status, reply] = Object.entries(responses)[0] ?? ['200', {}];
  return `<section><h2><code>${method.toUpperCase()} ${escapeHtml(path)}</code></h2><p>${escapeHtml(summary)}. <span class="muted">${escapeHtml(description)}</span></p>
${rows.length === 0 ? '' : `<table>${rows.join('')}</table>`}${exampleOf('Body', requestBody?.content)}${exampleOf(`Reply ${status}`, reply.content)}</section>`;
}

function exampleOf(title: string, content: Content | undefined): string {
  const example = Object.values(content ?? {})[0]?.example;
  if (example === undefined) return '';
  const text = typeof example === 'string' ? example : JSON.stringify(example, null, 2);
  return `<p>${escapeHtml(title)}</p><pre>${escapeHtml(text)}</pre>`;
}
