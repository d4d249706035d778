import { parseIp } from '../viewer/ip.ts';
import type { CidrSet } from './cidr-set.ts';
import { HOSTING_ASNS } from './hosting-asns.ts';

/** True when the request comes out of a data centre: by its network's number, or by a block that the operator loaded. */
export function isFromDataCenter(origin: { readonly ip: string; readonly asn: number }, blocks: CidrSet): boolean {
  if (HOSTING_ASNS.has(origin.asn)) return true;
  if (blocks.size === 0) return false;
  const address = parseIp(origin.ip);
  return address !== null && blocks.has(address);
}
