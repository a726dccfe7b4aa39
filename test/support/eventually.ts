import { vi } from "vitest";

const EVENTUALLY_MS = 15_000;
const INTERVAL_MS = 30;

/** Repeats until it does not throw: for what the gateway shows a moment after a subscriber has seen it. */
export const eventually = <T>(check: () => Promise<T>, timeout = EVENTUALLY_MS): Promise<T> =>
  vi.waitFor(check, { timeout, interval: INTERVAL_MS });
