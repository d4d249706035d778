import { afterAll, describe, expect, it } from 'vitest';
import { edgeApp } from '../../edge-worker/app.ts';
import { withKey } from '../../edge-worker/fixtures/ask.ts';
import { TestHost } from '../../edge-worker/fixtures/host.ts';
import { EDGE_ROUTE_NAMES, EDGE_ROUTES, edgeRoute, type EdgeRouteName } from '../../schemas/edge-routes.ts';
import { openApiDocument } from './openapi.ts';
import { openApiPath, operationsOf, type ApiDocument, type Server } from './operation.ts';
import { createTestHub } from './testing/test-hub.ts';

const hub = createTestHub();
afterAll(() => hub.close());

const document = openApiDocument();
const operations = Object.entries(document.paths).flatMap(([path, item]) => operationsOf(item).map((each) => ({ path, item, ...each })));
const toldOf = (tag: string) => operations.filter(({ operation }) => operation.tags.includes(tag)).map(({ method, path }) => `${method.toUpperCase()} ${path}`);
/** What a router mounts, but for the answers that every path of it has: 405, and whether another site's page may ask. */
const mountedIn = (routes: readonly { readonly method: string; readonly path: string }[]) =>
  routes.filter(({ method }) => method !== 'ALL' && method !== 'OPTIONS').map(({ method, path }) => `${method} ${openApiPath(path)}`);

describe('/openapi.json', () => {
  it.each([['Hub', hub.app.routes], ['Edge', edgeApp.routes]] as const)('%s: tells of every mounted route, and of nothing else', (tag, routes) => {
    expect(toldOf(tag).toSorted()).toEqual([...new Set(mountedIn(routes))].toSorted());
  });

  it('says where each is found: the edge at its own origin, what both have at both', () => {
    const servers = operations.map(({ item, operation }) => [operation.tags.join(), (operation.servers ?? item.servers ?? document.servers).map(({ url }) => url).join()].join(' at '));
    expect([...new Set(servers)].toSorted()).toEqual(['Edge at {edge}', 'Edge,Hub at {edge},/', 'Hub at /']);
  });

  it('tells of each status that an edge may answer, and how large a body may be', () => {
    for (const name of EDGE_ROUTE_NAMES.filter((each) => each !== 'healthz')) {
      const { operation } = operations.find(({ operation: { operationId } }) => operationId === name)!;
      const { replies, maxBodyBytes } = edgeRoute(name);
      expect(Object.keys(operation.responses)).toEqual([...Object.keys(replies), 'default']);
      if (maxBodyBytes !== undefined) expect(operation.requestBody?.description).toContain(String(maxBodyBytes));
    }
  });

  it('is sound: whatever it points at is there, and each name is given once', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
    expect(flawsOf(document)).toEqual([]);
  });

  it('a flaw would be found', () => {
    const broken = structuredClone(document) as unknown as { paths: Record<string, Record<string, { operationId: string; parameters: unknown[]; responses: object }>> };
    broken.paths['/v1/keys/{id}']!['delete']!.parameters = [];
    broken.paths['/v1/events']!['post']!.operationId = 'click';
    broken.paths['/v1/tag']!['get']!.responses = { 200: { description: 'OK', content: { 'application/json': { schema: { $ref: '#/components/schemas/Nothing' } } } } };
    expect(flawsOf(broken as unknown as ApiDocument)).toEqual(['operationId click twice', '/v1/keys/{id} names id, declares ', 'nothing at #/components/schemas/Nothing']);
  });
});

describe('examples', () => {
  const keys: Partial<Record<EdgeRouteName, 'ingest' | 'publisher'>> = { click: 'ingest', events: 'ingest', nonces: 'publisher' };
  const bodies = operations.flatMap(({ path, method, operation: { operationId, tags, requestBody } }) =>
    tags.includes('Edge') ? Object.entries(requestBody?.content ?? {}).filter(([, { example }]) => example !== undefined).map(([type, { example }]) => ({ path, method, name: operationId as EdgeRouteName, type, example })) : [],
  );

  it.each(bodies)('$name takes its own as $type', async ({ path, method, name, type, example }) => {
    const host = await TestHost.open();
    const headers = { ...withKey(keys[name]!), 'content-type': type };
    const reply = await host.fetch(path, { method: method.toUpperCase(), headers, body: typeof example === 'string' ? example : JSON.stringify(example) });
    expect(reply.status).toBe(Number(Object.keys(EDGE_ROUTES[name].replies)[0]));
    if (reply.status === 202) expect(await reply.json()).toMatchObject({ rejected: [] });
  });
});

/** What is wrong with a document, by the rules of OpenAPI 3.1 that a slip of ours could break. Source: OpenAPI 3.1.0 §4.8. */
function flawsOf({ paths, components, servers, tags }: ApiDocument): string[] {
  const all = Object.entries(paths).flatMap(([path, item]) => operationsOf(item).map(({ method, operation }) => ({ path, method, ...operation })));
  const twice = all.map(({ operationId }) => operationId).filter((id, index, ids) => ids.indexOf(id) !== index).map((id) => `operationId ${id} twice`);
  const ofOperations = all.flatMap(({ path, method, parameters, responses, requestBody, security = [], tags: own }) => {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).join();
    const declared = parameters.filter((parameter) => parameter.in === 'path' && parameter.required).map(({ name }) => name).join();
    const names = parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    return [
      ...(named === declared ? [] : [`${path} names ${named}, declares ${declared}`]),
      ...(new Set(names).size === names.length ? [] : [`${path} has a parameter twice`]),
      ...(requestBody !== undefined && (method === 'get' || Object.keys(requestBody.content).length === 0) ? [`${method} ${path} has a body of nothing`] : []),
      ...(Object.keys(responses).some((status) => /^[2345]\d\d$/.test(status)) ? [] : [`${path} answers nothing`]),
      ...Object.entries(responses).filter(([status, { description }]) => !/^([2345]\d\d|default)$/.test(status) || description === '').map(([status]) => `${path} says nothing of ${status}`),
      ...[requestBody, ...Object.values(responses)].flatMap((each) => Object.keys(each?.content ?? {})).filter((type) => !/^\w+\/[\w.+-]+$/.test(type)).map((type) => `${path}: ${type} is no media type`),
      ...security.flatMap((need) => Object.keys(need)).filter((scheme) => components.securitySchemes[scheme] === undefined).map((scheme) => `no scheme ${scheme}`),
      ...own.filter((tag) => !tags.some(({ name }) => name === tag)).map((tag) => `no tag ${tag}`),
    ];
  });
  const everywhere = [...servers, ...Object.values(paths).flatMap((item) => item.servers ?? []), ...all.flatMap((operation) => operation.servers ?? [])];
  const pointers = [...JSON.stringify({ paths, components }).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name = '']) => name);
  const lost = new Set(pointers.filter((name) => components.schemas[name] === undefined));
  return [...twice, ...ofOperations, ...everywhere.flatMap(flawsOfServer), ...[...lost].map((name) => `nothing at #/components/schemas/${name}`)];
}

function flawsOfServer({ url, variables = {} }: Server): string[] {
  const named = [...url.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).join();
  return named === Object.keys(variables).join() ? [] : [`${url} names ${named}`];
}
