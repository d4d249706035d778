import { isIPv4, isIPv6 } from 'node:net';

/** Blocks in one list; every edge holds them in memory. */
export const CIDRS_MAX = 50_000;

export type CidrList = { readonly ok: true; readonly blocks: readonly string[] } | { readonly ok: false; readonly message: string };

/** Reads one CIDR block a line; blank lines and what follows `#` do not count, a bare address is a block of one. Names the first bad line. */
export function parseCidrList(text: string): CidrList {
  const blocks = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    const block = line.replace(/#.*/, '').trim();
    if (block === '') continue;
    const normal = normalBlock(block);
    if (normal === null) return { ok: false, message: `line ${index + 1} is not a CIDR block such as 192.0.2.0/24 or 2001:db8::/32` };
    blocks.add(normal);
    if (blocks.size > CIDRS_MAX) return { ok: false, message: `at most ${CIDRS_MAX} blocks` };
  }
  return { ok: true, blocks: [...blocks] };
}

function normalBlock(block: string): string | null {
  const [address = '', prefix, ...rest] = block.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : 0;
  if (bits === 0 || rest.length > 0) return null;
  if (prefix === undefined) return `${address}/${bits}`;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits ? `${address}/${Number(prefix)}` : null;
}
