/**
 * Whether two texts or byte strings are equal, in a time that tells nothing about where they differ: both are hashed
 * first, so neither content nor length decides how long the comparison takes.
 */
export async function constantTimeEqual(a: string | Uint8Array, b: string | Uint8Array): Promise<boolean> {
  const [left, right] = await Promise.all([digest(a), digest(b)]);
  let difference = 0;
  for (let at = 0; at < left.length; at++) difference |= (left[at] ?? 0) ^ (right[at] ?? 0);
  return difference === 0;
}

async function digest(value: string | Uint8Array): Promise<Uint8Array> {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : Uint8Array.from(value);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
