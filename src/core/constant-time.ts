const encoder = new TextEncoder();

/**
 * Whether two texts or byte strings are equal, in a time that depends on the length of `given` alone: every byte of it
 * is looked at, whatever comes of it. Synchronous, because each request is authenticated and hashing first would cost
 * more than the rest of the check.
 */
export function constantTimeEqual(given: string | Uint8Array, expected: string | Uint8Array): boolean {
  if (typeof given === "string" && typeof expected === "string") return areTextsEqual(given, expected);
  const left = bytesOf(given);
  const right = bytesOf(expected);
  let difference = left.length ^ right.length;
  for (let at = 0; at < left.length; at++) difference |= (left[at] ?? 0) ^ (right[at % right.length] ?? 0);
  return difference === 0;
}

/** By UTF-16 units: encoding two texts costs more than comparing them. */
function areTextsEqual(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length;
  // Of an empty text there is no unit; what NaN leaves of a unit does not matter, as the lengths differ.
  for (let at = 0; at < given.length; at++) {
    difference |= given.charCodeAt(at) ^ expected.charCodeAt(at % expected.length);
  }
  return difference === 0;
}

const bytesOf = (value: string | Uint8Array): Uint8Array => (typeof value === "string" ? encoder.encode(value) : value);
