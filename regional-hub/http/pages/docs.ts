import { METRICS } from '../../query/metrics.ts';
import { DIMENSIONS } from '../../query/dimensions.ts';
import { HUB_TAG, openApiDocument } from '../openapi.ts';
import { operationsOf, type Content, type Operation, type Schema } from '../operation.ts';
import { escapeHtml, page } from './page.ts';

/** `/docs`: the OpenAPI document for people. */
export function docsPage(): Response {
  const { tags, paths, components } = openApiDocument();
  const operations = Object.entries(paths).flatMap(([path, item]) => operationsOf(item).map(({ method, operation }) => ({ method, path, operation })));
  const groups = tags.map(({ name, description }) => {
    const sections = operations.filter(({ operation }) => operation.tags.includes(name)).map(({ method, path, operation }) => sectionOf(method, path, operation));
    return `<h2 id="${escapeHtml(name)}">${escapeHtml(name)}</h2><p>${escapeHtml(description)}</p>${name === HUB_TAG.name ? OF_QUERIES : ''}${sections.join('\n')}`;
  });
  const shapes = Object.entries(components.schemas).map(([name, schema]) => shapeOf(name, schema));
  return page({ title: 'API', body: `${INTRODUCTION}${groups.join('\n')}<h2 id="Shapes">Shapes</h2><p>* must be given.</p>${shapes.join('\n')}` });
}

const INTRODUCTION = `<h1>API</h1>
<p>The same for machines: <a href="/openapi.json">/openapi.json</a>. Keys go into <code>Authorization: Bearer …</code>. Refusals are <code>{code, message}</code>.</p>
<p>On this page: <a href="#Edge">edge</a>, <a href="#Hub">hub</a>, <a href="#Shapes">shapes</a>.</p>`;

const OF_QUERIES = `<p>Metrics: ${METRICS.map((metric) => `<code>${metric}</code>`).join(', ')}.</p>
<p>Dimensions: ${DIMENSIONS.map((dimension) => `<code>${dimension}</code>`).join(', ')}.</p>
<pre>curl -H "Authorization: Bearer $KEY" \\
  'http://localhost:8788/v1/query?metrics=clicks,spend_micros&amp;group_by=campaign_id&amp;granularity=1h&amp;from=2026-09-21&amp;tz=Europe/Paris'</pre>`;

function sectionOf(method: string, path: string, { summary, description, parameters, requestBody, responses }: Operation): string {
  const told = parameters.filter((parameter) => parameter.in !== 'path').map(({ name, description: meaning = '' }) => row(code(name), escapeHtml(meaning)));
  const replies = Object.entries(responses).filter(([status]) => status !== 'default');
  const [status = '200', reply] = replies[0] ?? [];
  return `<section><h3>${code(`${method.toUpperCase()} ${path}`)}</h3><p>${escapeHtml(summary)}. <span class="muted">${escapeHtml(description)}</span></p>
${table(told)}${bodiesOf('Body', requestBody?.content)}${requestBody?.description === undefined ? '' : `<p class="muted">${escapeHtml(requestBody.description)}.</p>`}
${replies.length > 1 ? table(replies.map(([each, { description: meaning }]) => row(code(each), escapeHtml(meaning)))) : ''}${bodiesOf(`Reply ${status}`, reply?.content)}</section>`;
}

function bodiesOf(title: string, content: Content = {}): string {
  return Object.entries(content).map(([type, { schema, example, examples = {} }]) => {
    const links = shapesIn(schema).map((name) => `<a href="#${name}">${name}</a>`);
    const shown = [...(example === undefined ? [] : [pre(example)]), ...Object.entries(examples).map(([name, { value }]) => `<p class="muted">${escapeHtml(name)}</p>${pre(value)}`)];
    if (shown.length === 0 && schema === undefined) return '';
    const note = typeof schema?.['description'] === 'string' ? `: ${escapeHtml(schema['description'])}` : '';
    return `<p>${escapeHtml(title)}, ${code(type)}${links.length === 0 ? '' : `, ${links.join(' or ')}`}${note}</p>${shown.join('')}`;
  }).join('');
}

/** Names of the shapes that a schema points at. */
function shapesIn(schema: Schema = {}): string[] {
  return [...JSON.stringify(schema).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name = '']) => name);
}

function shapeOf(name: string, { description, properties, required = [] }: Schema): string {
  const fields = Object.entries(properties as Record<string, Schema>).map(([field, schema]) => {
    return row(`${code(field)}${(required as readonly string[]).includes(field) ? ' *' : ''}`, escapeHtml(kindOf(schema)), escapeHtml(String(schema['description'] ?? '')));
  });
  return `<section><h3 id="${escapeHtml(name)}">${escapeHtml(name)}</h3>${description === undefined ? '' : `<p>${escapeHtml(String(description))}.</p>`}${table(fields)}</section>`;
}

/** What a value may be, in words. */
function kindOf({ type, enum: options, const: only, pattern, minimum, maximum, maxLength }: Schema): string {
  if (options !== undefined) return (options as readonly unknown[]).join(', ');
  const limits = [
    only ?? [type].flat().join(' or '),
    ...(maximum === undefined ? [] : [`${minimum} to ${maximum}`]),
    ...(maxLength === undefined ? [] : [`at most ${maxLength} characters`]),
    ...(pattern === undefined ? [] : [pattern]),
  ];
  return limits.join(', ');
}

const code = (text: string): string => `<code>${escapeHtml(text)}</code>`;
const row = (...cells: readonly string[]): string => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
const table = (rows: readonly string[]): string => (rows.length === 0 ? '' : `<table>${rows.join('')}</table>`);
const pre = (example: unknown): string => `<pre>${escapeHtml(typeof example === 'string' ? example : JSON.stringify(example, null, 2))}</pre>`;
