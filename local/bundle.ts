import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { basename, join, resolve } from 'node:path';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A worker ready for workerd: file names are relative to `outDir`, the first is the main module. */
export type WorkerBundle = { readonly modules: readonly WorkerModule[] };
export type WorkerModule = { readonly name: string; readonly kind: 'esModule' | 'wasm' };

/** Bundles one worker of this repository into `outDir`; WebAssembly stays beside it, as workerd refuses to compile bytes. */
export async function bundleWorker(entry: string, outDir: string): Promise<WorkerBundle> {
  const result = await build({
    entryPoints: [resolve(ROOT, entry)],
    outfile: join(outDir, `${basename(entry, '.ts')}.js`),
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    loader: { '.wasm': 'copy' },
    assetNames: '[name]-[hash]',
    metafile: true,
    logLevel: 'error',
  });
  const files = Object.keys(result.metafile.outputs).map((path) => basename(path));
  const scripts = files.filter((name) => name.endsWith('.js'));
  const wasm = files.filter((name) => name.endsWith('.wasm'));
  return {
    modules: [...scripts.map((name) => ({ name, kind: 'esModule' as const })), ...wasm.map((name) => ({ name, kind: 'wasm' as const }))],
  };
}
