import { ROLES_ADMITTED, type Access } from './access.ts';
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
  limit: 'Most rows of the reply, up to 100000',
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

/** The hub's OpenAPI document, made from the table that the router mounts. */
export function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const name of ROUTE_NAMES) {
    const spec = routeSpec(name);
    const path = openApiPath(spec.path);
    paths[path] = { ...paths[path], [spec.method.toLowerCase()]: operationOf(name, spec) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Edgetally hub', version: '1', description: 'Queries, administration and operations of one regional hub. Times are ISO 8601 or epoch ms, ranges half-open, unknown parameters and fields are refused.' },
    paths,
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } }, schemas: { Refusal: REFUSAL } },
  };
}

/** A path as OpenAPI spells it: `/v1/keys/{id}`. */
export function openApiPath(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

const REFUSAL = {
  type: 'object',
  required: ['code', 'message'],
  properties: { code: { type: 'string' }, message: { type: 'string' }, path: { type: 'string', description: 'The field at fault, where it is one of the body' } },
};

function operationOf(name: RouteName, spec: RouteSpec): object {
  const status = String(spec.status ?? 200);
  const needsKey = ROLES_ADMITTED[spec.access].length > 0 || spec.access === 'edges';
  return {
    operationId: name,
    summary: spec.summary,
    description: CALLERS[spec.access],
    ...(needsKey ? { security: [{ key: [] }] } : {}),
    parameters: [...pathParameters(spec.path), ...(spec.query ?? []).map(queryParameter)],
    ...(spec.body === undefined ? {} : { requestBody: { required: true, content: { [spec.body.type ?? 'application/json']: { example: spec.body.example } } } }),
    responses: {
      [status]: status === '204' ? { description: 'Done' } : { description: 'OK', content: { [spec.replyType ?? 'application/json']: spec.replyExample === undefined ? {} : { example: spec.replyExample } } },
      default: { description: 'Refused', content: { 'application/json': { schema: { $ref: '#/components/schemas/Refusal' } } } },
    },
  };
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
}

function queryParameter(name: string): object {
  const schema = REPEATABLE.has(name) ? { type: 'array', items: { type: 'string' } } : { type: 'string' };
  return { name, in: 'query', description: PARAMETERS[name] ?? name, schema };
}
