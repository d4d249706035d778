import { ROLES_ADMITTED, type Access } from './access.ts';
import { EDGE_SCHEMAS } from './edge-schemas.ts';
import { EDGE_SERVER, EDGE_TAG, edgePaths } from './edge-operations.ts';
import { pathParameters, pathsOf, refusal, type ApiDocument, type Operation, type Parameter, type Paths, type Schema, type Server } from './operation.ts';
import { ROUTE_NAMES, routeSpec, type RouteName, type RouteSpec } from './routes.ts';

/** What each query parameter means. */
const PARAMETERS: Readonly<Record<string, string>> = {
  metrics: 'Comma-separated, such as clicks,billable_clicks,spend_micros',
  group_by: 'Up to four dimensions, comma-separated',
  filter: 'dimension:value|value; repeatable, all must hold',
  from: 'Start of the range, ISO 8601 or epoch ms; inclusive; since ever when absent',
  to: 'End of the range, exclusive; open when absent',
  granularity: '1s, 1m, 1h, 1d or total',
  tz: 'IANA zone whose hours and days are meant; UTC when absent',
  as_of: 'Only latest',
  limit: 'Most rows of the reply, of the stream: of each event; up to 100000',
  cursor: 'meta.cursor of the page before',
  ad_id: 'The ad',
  breakdown: 'One dimension, such as device_type',
};
const REPEATABLE = new Set(['filter']);

const CALLERS: Readonly<Record<Access, string>> = {
  public: 'Open to all.',
  shards: 'For shards: the body is signed (x-edgetally-signature).',
  edges: 'For edges: the internal token as bearer.',
  readers: 'For keys with scope ops (everything), advertiser:ID or publisher:ID (its own rows).',
  operators: 'For keys with scope ops.',
};

const HUB_SERVER: Server = { url: '/', description: 'The hub that serves this document' };
export const HUB_TAG = { name: 'Hub', description: 'Queries, administration and operations of one regional hub. Ranges are half-open, unknown parameters and fields are refused.' };

const REFUSAL: Schema = {
  type: 'object',
  required: ['code', 'message'],
  properties: { code: { type: 'string' }, message: { type: 'string' }, path: { type: 'string', description: 'The field at fault, where it is one of the body' } },
};

/**
 * The OpenAPI document of hub and edge, made from the tables that their routers mount. The hub tells of both: whoever integrates finds all in one place, edges
 * stay small, and neither imports the other, since the edge's table and limits lie in `schemas`.
 */
export function openApiDocument(): ApiDocument {
  const routes = ROUTE_NAMES.map((name) => ({ ...routeSpec(name), operation: operationOf(name, routeSpec(name)) }));
  return {
    openapi: '3.1.0',
    info: { title: 'Edgetally', version: '1', description: 'Edges take impressions and clicks, hubs tell what was counted. Times are ISO 8601 or epoch ms.' },
    servers: [HUB_SERVER],
    tags: [EDGE_TAG, HUB_TAG],
    paths: together(edgePaths(), pathsOf(routes)),
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } }, schemas: { ...EDGE_SCHEMAS, Refusal: REFUSAL } },
  };
}

function operationOf(name: RouteName, spec: RouteSpec): Operation {
  const status = String(spec.status ?? 200);
  const needsKey = ROLES_ADMITTED[spec.access].length > 0 || spec.access === 'edges';
  return {
    operationId: name,
    tags: [HUB_TAG.name],
    summary: spec.summary,
    description: CALLERS[spec.access],
    security: needsKey ? [{ key: [] }] : [],
    parameters: [...pathParameters(spec.path), ...(spec.query ?? []).map(queryParameter)],
    ...(spec.body === undefined ? {} : { requestBody: { required: true, content: { [spec.body.type ?? 'application/json']: { example: spec.body.example } } } }),
    responses: {
      [status]: status === '204' ? { description: 'Done' } : { description: 'OK', content: { [spec.replyType ?? 'application/json']: spec.replyExample === undefined ? {} : { example: spec.replyExample } } },
      default: refusal('Refused'),
    },
  };
}

function queryParameter(name: string): Parameter {
  const schema = REPEATABLE.has(name) ? { type: 'array', items: { type: 'string' } } : { type: 'string' };
  return { name, in: 'query', description: PARAMETERS[name] ?? name, schema };
}

/** A path stands in a document once: where edge and hub have the same one (`/healthz`), it is told as one, found at both. */
function together(edge: Paths, hub: Paths): Paths {
  const both = Object.entries(edge).flatMap(([path, { get: atEdge }]) => {
    const atHub = hub[path]?.get;
    return atEdge === undefined || atHub === undefined ? [] : [[path, { get: ofBoth(atEdge, atHub) }] as const];
  });
  return { ...edge, ...hub, ...Object.fromEntries(both) };
}

function ofBoth(atEdge: Operation, atHub: Operation): Operation {
  const examples = { edge: { value: exampleOf(atEdge) }, hub: { value: exampleOf(atHub) } };
  return {
    ...atHub,
    tags: [EDGE_TAG.name, HUB_TAG.name],
    summary: `Of a hub: ${atHub.summary}. Of an edge: ${atEdge.summary}`,
    servers: [EDGE_SERVER, HUB_SERVER],
    responses: { ...atHub.responses, 200: { description: 'OK', content: { 'application/json': { examples } } } },
  };
}

function exampleOf({ responses }: Operation): unknown {
  return responses['200']?.content?.['application/json']?.example;
}
