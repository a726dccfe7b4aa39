import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 60;

/** Asks again and again until it is so; throws, with what was hoped for, when it takes too long. */
export async function until(what: string, maxMilliseconds: number, check: () => Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + maxMilliseconds;
  while (!(await check())) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${maxMilliseconds / 1000} s: ${what}`);
    await pause(POLL_MS);
  }
}

/** What comes of the work, unless it takes too long: then it throws, with the complaint. */
export async function within<T>(maxMilliseconds: number, work: Promise<T>, complaint: () => string): Promise<T> {
  const over = new AbortController();
  const late = pause(maxMilliseconds, undefined, { signal: over.signal }).then(() => {
    throw new Error(`not within ${maxMilliseconds / 1000} s: ${complaint()}`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
