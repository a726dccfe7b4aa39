import { SEND_START_MAX_MS } from "../../../src/core/limits.ts";
import { type Checker, describe, nameOf } from "../evidence.ts";

/** Invariant 8: no request arrives later than 250 ms after the 2xx of DELETE or pause, until somebody asks for a resume. */
export const barrier: Checker = {
  invariant: "8 barrier",
  check({ journal, requests }, violation) {
    let checks = 0;
    for (const record of journal.subscriptions) {
      for (const { why, from, until } of record.stops) {
        checks += 1;
        for (const request of requests.get(record.id) ?? []) {
          if (request.startedAt <= from + SEND_START_MAX_MS || request.startedAt >= until) continue;
          violation(
            `${nameOf(record)}: ${describe(request)}, ${(request.startedAt - from).toFixed()} ms after the 2xx of a ${why}`,
          );
        }
      }
    }
    return checks;
  },
};
