import { type Checker, describe, eventsOf, expectation, nameOf } from "../evidence.ts";

/** Invariant 6: every request maps to an event, a filter that matches and the right tenant; its bytes are those posted. */
export const noSpurious: Checker = {
  invariant: "6 no spurious delivery",
  check(evidence, violation) {
    let checks = 0;
    const records = new Map(evidence.journal.subscriptions.map((record) => [record.id, record]));
    for (const [id, requests] of evidence.requests) {
      const record = records.get(id);
      for (const request of requests) {
        checks += 1;
        const what = `${describe(request)} to ${request.endpoint}`;
        if (record === undefined) {
          violation(`${what} comes from subscription ${id || "(none)"}, which nobody has made`);
          continue;
        }
        const { plan } = record;
        const path = `POST /${request.endpoint} HTTP/1.1`;
        if (request.line !== path || !request.endpoint.startsWith(`${plan.name}.`)) {
          violation(`${what}: "${request.line}" for ${nameOf(record)}`);
        }
        if (request.headers.get("sluice-topic") !== plan.topic) violation(`${what}: of another topic`);
        const carried = eventsOf(evidence, request);
        if (carried.length === 0) violation(`${what}: there is no such event`);
        const size = request.headers.get("sluice-batch-size");
        if (size !== undefined && Number(size) !== carried.length)
          violation(`${what}: a batch of ${size} has ${carried.length}`);
        for (const placed of carried) {
          if (expectation(record, placed) === "never")
            violation(`${what}: ${placed.log} ${placed.entry.type} does not match`);
          if (!request.body.includes(placed.entry.data)) violation(`${what}: other bytes than were posted`);
          if (size === undefined && request.headers.get("sluice-offset") !== String(placed.entry.offset)) {
            violation(`${what}: it is event ${placed.entry.offset}`);
          }
        }
      }
    }
    return checks;
  },
};
