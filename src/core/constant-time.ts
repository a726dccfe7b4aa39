const encoder = new TextEncoder();

/**
 * Whether two texts or byte strings are equal, in a time that depends on the length of `given` alone: every byte of it
 * is looked at, whatever comes of it. Synchronous, because each request is authenticated and hashing first would cost
 * more than the rest of the check.
 */
export function constantTimeEqual(given: string | Uint8Array, expected: string | Uint8Array): boolean {
  const left = bytesOf(given);
  const right = bytesOf(expected);
  let difference = left.length ^ right.length;
  for (let at = 0; at < left.length; at++) difference |= (left[at] ?? 0) ^ (right[at % right.length] ?? 0);
  return difference === 0;
}

const bytesOf = (value: string | Uint8Array): Uint8Array => (typeof value === "string" ? encoder.encode(value) : value);
