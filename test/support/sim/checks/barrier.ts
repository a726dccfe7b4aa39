import type { Checker } from "../evidence.ts";

/**
 * Invariant 8: no request starts after the 2xx of DELETE or pause (which wait for the barrier themselves), until
 * somebody asks for a resume.
 */
export const barrier: Checker = {
  invariant: "8 barrier",
  check({ journal }, violation) {
    let checks = 0;
    for (const { send, part, started } of journal.requests) {
      const stops = journal.subscriptions.get(part.target.id)?.stops ?? [];
      for (const { from, until } of stops) {
        checks += 1;
        const stopped = started.step > from.step && (until === null || started.step < until.step);
        if (stopped)
          violation(`${part.target.id}: request for ${send.event.offset} ${started.at - from.at} ms after the stop`);
      }
    }
    return checks;
  },
};
