const POOL_BYTES = 1024;

let pool = new Uint8Array(0);
let taken = 0;

/** So many random bytes, for ids: drawn in bulk, as each draw costs the platform microseconds. Nobody else gets the same ones. */
export function randomBytes(count: number): Uint8Array {
  if (taken + count > pool.length) {
    pool = crypto.getRandomValues(new Uint8Array(Math.max(count, POOL_BYTES)));
    taken = 0;
  }
  taken += count;
  return pool.subarray(taken - count, taken);
}
