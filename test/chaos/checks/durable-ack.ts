import type { Checker } from "../evidence.ts";

/** Invariant 1: for every 2xx there is exactly one event at that offset, bytes identical, after any crashes. */
export const durableAck: Checker = {
  invariant: "1 durable ack",
  check({ journal, dump }, violation) {
    let checks = 0;
    const logs = new Map([...dump.logs].map(([name, entries]) => [name, Map.groupBy(entries, ({ offset }) => offset)]));
    for (const { tenant, topic, events, tries } of journal.posts) {
      for (const { answer } of tries) {
        if (answer === null) continue;
        if (answer.length !== events.length) violation(`${answer.length} of ${events.length} events acknowledged`);
        for (const [index, { id, offset }] of answer.entries()) {
          checks += 1;
          const what = `${tenant}/${topic} ${offset}`;
          const [entry, ...more] = logs.get(`${tenant}/${topic}`)?.get(offset) ?? [];
          const event = events[index];
          if (entry === undefined || event === undefined) {
            violation(`${what} was acknowledged and is not there`);
            continue;
          }
          if (more.length > 0) violation(`${what} is there ${more.length + 1} times`);
          if (entry.id !== id) violation(`${what} has id ${entry.id}, acknowledged was ${id}`);
          if (entry.data !== event.data) violation(`${what} has other bytes: ${entry.data}, posted were ${event.data}`);
          if (entry.type !== event.type || entry.key !== event.key) violation(`${what} has another type or key`);
        }
      }
    }
    return checks;
  },
};
