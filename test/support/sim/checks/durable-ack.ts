import { sameBytes } from "../content.ts";
import type { Checker } from "../evidence.ts";

/** Invariant 1: for every 2xx there is exactly one event at that offset, bytes identical, after any crashes. */
export const durableAck: Checker = {
  invariant: "1 durable ack",
  check({ journal, log }, violation) {
    let checks = 0;
    const byOffset = Map.groupBy(log, (event) => event.offset);
    for (const { request, tries } of journal.posts) {
      for (const { answered } of tries) {
        if (!answered?.value.ok) continue;
        const appended = answered.value.value;
        if (appended.length !== request.events.length)
          violation(`${appended.length} of ${request.events.length} answered`);
        for (const [index, one] of appended.entries()) {
          checks += 1;
          const posted = request.events[index];
          const [event, ...more] = byOffset.get(one.offset) ?? [];
          if (event === undefined) {
            violation(`offset ${one.offset} was acknowledged and is not in the log`);
            continue;
          }
          if (more.length > 0) violation(`offset ${one.offset} is in the log ${more.length + 1} times`);
          if (event.id !== one.id) violation(`offset ${one.offset} has id ${event.id}, acknowledged was ${one.id}`);
          // An id stands for its first bytes, whatever came with it later.
          if (one.duplicate && posted?.idempotency?.fingerprint === null) continue;
          if (posted === undefined || !sameBytes(posted.data, event.data)) violation(`other bytes at ${one.offset}`);
          if (posted?.type !== event.type || posted.key !== event.key)
            violation(`another type or key at ${one.offset}`);
        }
      }
    }
    return checks;
  },
};
