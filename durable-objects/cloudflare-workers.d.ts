/// <reference types="@cloudflare/vitest-plugin/types" />
/**
 * The runtime's own modules, typed without its globals: Node's and workerd's `fetch`, `Request` and `crypto` would quarrel
 * if both lists of globals were loaded, and our code uses only what the two agree on.
 */
declare module 'cloudflare:workers' {
  import { CloudflareWorkersModule } from '@cloudflare/workers-types';

  export = CloudflareWorkersModule;
}
