/** A range as its first address and the length of its prefix in bits. */
type Range4 = readonly [first: string, prefixBits: number];

/** Everything in the IANA IPv4 special-purpose registry that is not a public unicast address, and multicast. */
const NON_PUBLIC_IPV4: readonly Range4[] = [
  ["0.0.0.0", 8], // "this network"
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // shared between carriers and their customers
  ["127.0.0.0", 8], // loopback
  ["169.254.0.0", 16], // link-local, and every cloud's metadata service
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // protocol assignments
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // 6to4 relays
  ["192.168.0.0", 16], // private
  ["198.18.0.0", 15], // benchmarks
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, and the broadcast address
];

const RANGES4 = NON_PUBLIC_IPV4.map(([first, prefixBits]) => ({ first: parseIpv4(first) ?? 0, prefixBits }));

/** A dotted IPv4 address (four decimal parts) as an unsigned 32-bit number; null if it is not one. */
export function parseIpv4(text: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return null;
  return parts.reduce((address, part) => address * 256 + part, 0);
}

/** Whether the address (unsigned 32-bit) can be that of a server on the public internet. */
export function isPublicIpv4(address: number): boolean {
  return !RANGES4.some(({ first, prefixBits }) => {
    const size = 2 ** (32 - prefixBits);
    return address >= first && address < first + size;
  });
}

/**
 * An IPv6 address as its eight 16-bit groups; null if it is not one. Takes what a URL parser leaves between the
 * brackets: hexadecimal groups, at most one `::`, no zone and no dotted tail.
 */
export function parseIpv6(text: string): readonly number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.map((group) => Number.parseInt(group, 16));
}

/** Whether the address (eight groups) can be that of a public server; one that carries an IPv4 address is judged by it. */
export function isPublicIpv6(groups: readonly number[]): boolean {
  const [a = 0, b = 0] = groups;
  const carried = carriedIpv4(groups);
  if (carried !== null && !isPublicIpv4(carried)) return false;
  if (carried !== null && a < 0x2000) return true;
  // Outside 2000::/3 nothing is global unicast: loopback, 100::/64, 5f00::/16, fc00::/7, fe80::/10, ff00::/8, ...
  if (a < 0x2000 || a > 0x3fff) return false;
  if (a === 0x2001 && b < 0x200) return false; // protocol assignments, with Teredo and ORCHID
  if (a === 0x2001 && b === 0xdb8) return false; // documentation
  if (a === 0x3fff && b < 0x1000) return false; // documentation
  return true;
}

/** The IPv4 address inside a transition address: mapped, compatible, translated, NAT64, 6to4 or ISATAP; else null. */
function carriedIpv4(groups: readonly number[]): number | null {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  const last = g * 0x10000 + h;
  if (a === 0 && b === 0 && c === 0 && d === 0) {
    const compatible = e === 0 && f === 0;
    const mapped = e === 0 && f === 0xffff;
    const translated = e === 0xffff && f === 0;
    return compatible || mapped || translated ? last : null;
  }
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return last;
  if (a === 0x2002) return b * 0x10000 + c;
  const isatap = (e === 0 || e === 0x200) && f === 0x5efe;
  return isatap ? last : null;
}
