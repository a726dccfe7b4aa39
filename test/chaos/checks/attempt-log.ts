import type { AttemptAnswer } from "../../support/client.ts";
import type { Arrival } from "../endpoint.ts";
import {
  attemptOf,
  type Checker,
  type DeliveryDump,
  describe,
  eventsOf,
  isAccepted,
  nameOf,
  standing,
  triggerOf,
} from "../evidence.ts";

/** Invariant 9: a row for every request received; a crash may add `interrupted` rows, never hide one; no false success. */
export const attemptLog: Checker = {
  invariant: "9 attempt log",
  check(evidence, violation) {
    let checks = 0;
    for (const { record, deliveries } of standing(evidence)) {
      const say = (what: string) => violation(`${nameOf(record)}: ${what}`);
      const byId = new Map(deliveries.map((delivery) => [delivery.eventId, delivery]));
      const claimed = new Map<AttemptAnswer, Arrival>();
      for (const request of evidence.requests.get(record.id) ?? []) {
        for (const { entry } of eventsOf(evidence, request)) {
          checks += 1;
          const row = rowOf(byId.get(entry.id), request, claimed);
          if (row === undefined) {
            say(`${describe(request)} reached the subscriber and has no row`);
            continue;
          }
          claimed.set(row, request);
          judge(row, request, (what) => say(`${describe(request)} ${what}`));
        }
      }
      for (const { offset, attempts } of deliveries) {
        for (const row of attempts) {
          checks += 1;
          if (row.outcome === null) say(`attempt ${row.number} of ${offset} is under way for ever`);
          const answered = row.outcome === "success" || row.statusCode !== null;
          if (answered && !claimed.has(row)) say(`attempt ${row.number} of ${offset} was answered and was never made`);
        }
      }
    }
    return checks;
  },
};

/** A row stands for one request. The members of a batch were each tried their own number of times, but have its trace. */
function rowOf(
  delivery: DeliveryDump | undefined,
  request: Arrival,
  claimed: ReadonlyMap<AttemptAnswer, Arrival>,
): AttemptAnswer | undefined {
  const free = delivery?.attempts.filter((row) => !claimed.has(row)) ?? [];
  if (!request.headers.has("sluice-batch-size")) return free.find(({ number }) => number === attemptOf(request));
  return free.find((row) => row.request.headers.traceparent === request.headers.get("traceparent"));
}

function judge(row: AttemptAnswer, request: Arrival, say: (what: string) => void): void {
  const { outcome, statusCode } = row;
  // The members of a batch are each there for a reason of their own; what was sent says that of the first.
  const trigger = request.headers.has("sluice-batch-size") ? row.request.headers["sluice-trigger"] : row.trigger;
  if (trigger !== triggerOf(request)) say(`is logged with trigger ${trigger}`);
  if (outcome === "success" && !isAccepted(request)) say("is logged as a success and was not accepted");
  if (statusCode !== null && statusCode !== request.answered?.status) {
    say(`is logged with status ${statusCode}, answered was ${request.answered?.status ?? "nothing"}`);
  }
  if (outcome === "failure" && statusCode !== null && statusCode >= 200 && statusCode < 300)
    say("is a failure with a 2xx");
}
