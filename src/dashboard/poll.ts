/** Between two looks; short enough to watch a retry happen. */
export const POLL_EVERY_MS = 2000;

/**
 * Runs `look` now and again and again until the signal ends it; never two at once, and none while the tab is hidden. A
 * failed look is told to `onError` and does not end it.
 */
export async function poll(
  look: () => Promise<void>,
  onError: (thrown: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      if (!document.hidden) await look();
    } catch (thrown) {
      if (!signal.aborted) onError(thrown);
    }
    await pause(POLL_EVERY_MS, signal);
  }
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
