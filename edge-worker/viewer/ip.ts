/** An address as a number, so that ranges can be searched. IPv4 mapped into IPv6 is IPv4. */
export type IpAddress = { readonly family: 4; readonly value: number } | { readonly family: 6; readonly value: bigint };

/** Reads an address in its usual spellings (no zone, no port); null for anything else. */
export function parseIp(text: string): IpAddress | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/**
 * What may be kept of an address: IPv4 /24 or IPv6 /48, written as a CIDR block; '' when it is no address.
 * Source: DESIGN §2, privacy.
 */
export function ipPrefix(text: string): string {
  const address = parseIp(text);
  if (address === null) return '';
  if (address.family === 4) return `${dotted(address.value - (address.value % 256))}/24`;
  const groups = [112n, 96n, 80n].map((shift) => ((address.value >> shift) & 0xffffn).toString(16));
  return `${groups.join(':')}::/48`;
}

function parseIpv4(text: string): IpAddress | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return null;
    value = value * 256 + Number(part);
  }
  return { family: 4, value };
}

const MAX_IPV6_TEXT = 45;
const MAPPED_IPV4 = 0xffffn;

function parseIpv6(text: string): IpAddress | null {
  if (text.length > MAX_IPV6_TEXT) return null;
  const halves = text.split('::');
  if (halves.length > 2 || (halves.length === 2 && halves[0]!.includes('.'))) return null;
  const head = ipv6Groups(halves[0]!);
  const tail = halves.length === 2 ? ipv6Groups(halves[1]!) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
  return value >> 32n === MAPPED_IPV4 ? { family: 4, value: Number(value & 0xffff_ffffn) } : { family: 6, value };
}

/** The 16-bit groups of one side of `::`; a dotted IPv4 tail counts as two. */
function ipv6Groups(text: string): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = index === parts.length - 1 ? parseIpv4(part) : null;
      if (v4 === null || v4.family !== 4) return null;
      groups.push(Math.floor(v4.value / 65_536), v4.value % 65_536);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

function dotted(value: number): string {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join('.');
}
