import type { WorkerBundle } from './bundle.ts';

/** Date of the runtime's behaviour; the same as in wrangler.toml. */
export const COMPATIBILITY_DATE = '2026-11-01';
export const COMPATIBILITY_FLAGS: readonly string[] = [];

/**
 * A small nursery: what a collection of it costs grows with the runtime's objects that died in it, so that many small pauses of 2 ms cost what few of 20 ms do. The old
 * generation stays as V8 sizes it: a whole collection destroys the runtime's objects of all requests since the last one in one pause, 30 ms after some ten thousand
 * requests; with room for four times as many it is rarer, a pause of 200 ms, and twice the memory (measured in docs/performance.md).
 */
export const V8_FLAGS = ['--min-semi-space-size=2', '--max-semi-space-size=2'];

export type WorkerdConfig = {
  readonly edge: WorkerBundle;
  readonly kv: WorkerBundle;
  /** POP → port, the first is `edgeUrl`. */
  readonly popPorts: ReadonlyMap<string, number>;
  readonly hubAddress: string;
  readonly internalToken: string;
  /** Absolute folder of the objects' SQLite files. */
  readonly storageDir: string;
  /** Vars of the edge workers, but POP. */
  readonly edgeVars: Readonly<Record<string, string>>;
  /** Vars of the durable objects. */
  readonly shardVars: Readonly<Record<string, string>>;
  readonly v8Flags?: readonly string[];
  /** Objects stay in memory when idle; off locally, so that eviction is a daily event. */
  readonly preventEviction?: boolean;
};

/** The Cap'n Proto text that the workerd binary serves: one worker a POP, all over one namespace of objects. */
export function renderWorkerdConfig(config: WorkerdConfig): string {
  const pops = [...config.popPorts.keys()];
  const services = [
    ...pops.map((pop) => `(name = ${quote(`pop-${pop}`)}, worker = .${identifier(pop)})`),
    `(name = "shards", worker = .shards)`,
    `(name = "kv", worker = .kv)`,
    `(name = "hub", external = (address = ${quote(config.hubAddress)}, http = ()))`,
    `(name = "storage", disk = (path = ${quote(config.storageDir)}, writable = true))`,
    `(name = "hubs", network = (allow = ["local", "private"]))`,
  ];
  const sockets = [...config.popPorts].map(
    ([pop, port]) => `(name = ${quote(`pop-${pop}`)}, address = "127.0.0.1:${port}", http = (), service = ${quote(`pop-${pop}`)})`,
  );
  return [
    'using Workerd = import "/workerd/workerd.capnp";',
    `const config :Workerd.Config = (\n  services = [\n    ${services.join(',\n    ')}\n  ],\n  sockets = [\n    ${sockets.join(',\n    ')}\n  ],`,
    `  v8Flags = [${(config.v8Flags ?? V8_FLAGS).map(quote).join(', ')}]\n);`,
    ...pops.map((pop) => `const ${identifier(pop)} :Workerd.Worker = ${popWorker(config, pop)};`),
    `const shards :Workerd.Worker = ${shardWorker(config)};`,
    `const kv :Workerd.Worker = ${kvWorker(config)};`,
  ].join('\n');
}

function popWorker(config: WorkerdConfig, pop: string): string {
  const vars = { ...config.edgeVars, POP: pop };
  return worker(config.edge, [
    ...textBindings(vars),
    `(name = "SHARDS", durableObjectNamespace = (className = "AdShard", serviceName = "shards"))`,
    `(name = "SPILL", durableObjectNamespace = (className = "SpillQueue", serviceName = "shards"))`,
    `(name = "CATALOGUE", kvNamespace = "kv")`,
  ]);
}

function shardWorker(config: WorkerdConfig): string {
  const eviction = config.preventEviction ? ', preventEviction = true' : '';
  const namespaces = ['AdShard', 'SpillQueue'].map(
    (name) => `(className = "${name}", uniqueKey = "edgetally-${name}", enableSql = true${eviction})`,
  );
  const bindings = [
    ...textBindings(config.shardVars),
    `(name = "SHARDS", durableObjectNamespace = "AdShard")`,
    `(name = "SPILL", durableObjectNamespace = "SpillQueue")`,
  ];
  return worker(config.edge, bindings, [
    `durableObjectNamespaces = [${namespaces.join(', ')}]`,
    `durableObjectStorage = (localDisk = "storage")`,
    `globalOutbound = "hubs"`,
  ]);
}

function kvWorker(config: WorkerdConfig): string {
  return worker(config.kv, [...textBindings({ INTERNAL_TOKEN: config.internalToken }), `(name = "HUB", service = "hub")`]);
}

function worker(bundle: WorkerBundle, bindings: readonly string[], more: readonly string[] = []): string {
  const modules = bundle.modules.map(({ name, kind }) => `(name = ${quote(name)}, ${kind} = embed ${quote(name)})`);
  return `(\n  ${[
    `modules = [${modules.join(', ')}]`,
    `compatibilityDate = "${COMPATIBILITY_DATE}"`,
    `compatibilityFlags = [${COMPATIBILITY_FLAGS.map(quote).join(', ')}]`,
    `bindings = [\n    ${bindings.join(',\n    ')}\n  ]`,
    ...more,
  ].join(',\n  ')}\n)`;
}

function textBindings(vars: Readonly<Record<string, string>>): string[] {
  return Object.entries(vars).map(([name, value]) => `(name = ${quote(name)}, text = ${quote(value)})`);
}

/** Cap'n Proto names are camelCase: `us-east` → `popUsEast`. */
function identifier(pop: string): string {
  return `pop${pop.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}`;
}

/** Cap'n Proto strings escape as C strings do; JSON's escapes are a subset of them. */
function quote(text: string): string {
  return JSON.stringify(text);
}
