/** A JSON schema, as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>;

/** Bodies by media type. */
export type Content = Readonly<Record<string, { readonly schema?: Schema; readonly example?: unknown; readonly examples?: Readonly<Record<string, { readonly value: unknown }>> }>>;

/** Where operations are found; `{name}` in `url` stands for a variable. */
export type Server = { readonly url: string; readonly description: string; readonly variables?: Readonly<Record<string, { readonly default: string; readonly description: string }>> };

export type Parameter = { readonly name: string; readonly in: 'path' | 'query' | 'header'; readonly required?: boolean; readonly description?: string; readonly schema: Schema };
export type Reply = { readonly description: string; readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>; readonly content?: Content };

/** One method of one path. */
export type Operation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly servers?: readonly Server[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: true; readonly description?: string; readonly content: Content };
  readonly responses: Readonly<Record<string, Reply>>;
};

/** The operations of a path by their method in lower case, and where they are found if not where the document says. */
export type PathItem = { readonly servers?: readonly Server[] } & { readonly [method in 'get' | 'put' | 'post' | 'delete']?: Operation };
export type Paths = Readonly<Record<string, PathItem>>;

export type ApiDocument = {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly Server[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Paths;
  readonly components: { readonly securitySchemes: Readonly<Record<string, object>>; readonly schemas: Readonly<Record<string, Schema>> };
};

const METHODS = ['get', 'put', 'post', 'delete'] as const;

/** A path's operations, each with its method. */
export function operationsOf(item: PathItem): { method: string; operation: Operation }[] {
  return METHODS.flatMap((method) => (item[method] === undefined ? [] : [{ method, operation: item[method] }]));
}

/** Operations by path, in their order. */
export function pathsOf(routes: readonly { readonly method: string; readonly path: string; readonly operation: Operation }[], servers?: readonly Server[]): Paths {
  const paths: Record<string, PathItem> = {};
  for (const { method, path, operation } of routes) {
    const name = openApiPath(path);
    paths[name] = { ...(servers === undefined ? {} : { servers }), ...paths[name], [method.toLowerCase()]: operation };
  }
  return paths;
}

/** A path as OpenAPI spells it: `/v1/keys/{id}`. */
export function openApiPath(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

export function pathParameters(path: string): Parameter[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
}

/** A refusal, with the codes that it may carry where they are known. */
export function refusal(description: string, codes: readonly string[] = []): Reply {
  const shape = { $ref: '#/components/schemas/Refusal' };
  if (codes.length === 0) return { description, content: { 'application/json': { schema: shape } } };
  return { description: `${description}: ${codes.join(', ')}`, content: { 'application/json': { schema: { allOf: [shape, { properties: { code: { enum: codes } } }] } } } };
}
