import type { Attempt } from "../../../../src/subscription/rpc.ts";
import type { Checker } from "../evidence.ts";
import type { RequestRecord } from "../journal.ts";

/** Invariant 9: a row for every request received; a crash may add `interrupted` rows, never hide one; no false success. */
export const attemptLog: Checker = {
  invariant: "9 attempt log",
  check({ journal, standing }, violation) {
    let checks = 0;
    for (const [id, { deliveries }] of standing) {
      const rows = deliveries.flatMap((one) => one.attempts.map((attempt) => ({ one, attempt })));
      const byId = Map.groupBy(rows, ({ attempt }) => attempt.id);
      for (const request of journal.requests) {
        if (request.part.target.id !== id || !request.reached) continue;
        const { batch, event, attempt, attemptId } = request.send;
        const carried = batch?.events ?? [event];
        const found = byId.get(attemptId) ?? [];
        if (found.length > carried.length) violation(`${id}: attempt ${attempt} is in the log of another event`);
        for (const one of carried) {
          checks += 1;
          const row = found.find(({ one: { eventId } }) => eventId === one.id);
          const what = `${id}: attempt ${attempt} of ${one.offset}`;
          if (row === undefined) violation(`${what} reached the subscriber and has no row`);
          else judge(row.attempt, request, (wrong) => violation(`${what} ${wrong}`));
        }
      }
      for (const { attempt, one } of rows) {
        checks += 1;
        const request = journal.requestsByAttempt.get(attempt.id);
        if (request === undefined && attempt.outcome !== "interrupted") {
          violation(`${id}: attempt ${attempt.number} of ${one.offset} is ${attempt.outcome} and was never made`);
        }
      }
    }
    return checks;
  },
};

function judge(attempt: Attempt, { send, answer, result, reported }: RequestRecord, violation: (what: string) => void) {
  // The members of a batch were each tried their own number of times; what is sent says the highest, and why of the first.
  const alone = send.batch === null;
  if (alone ? attempt.number !== send.attempt : attempt.number > send.attempt)
    violation(`is logged as ${attempt.number}`);
  if (alone && attempt.trigger !== send.trigger) violation(`is logged with trigger ${attempt.trigger}`);
  if (attempt.outcome === null) violation("is under way for ever");
  if (attempt.outcome === "interrupted") {
    if (reported !== null) violation("was reported and is logged as interrupted");
    return;
  }
  if (result === null || result.kind === "unsent") return violation(`is ${attempt.outcome} without a result`);
  if (attempt.statusCode !== result.statusCode) violation(`has status ${attempt.statusCode}, not ${result.statusCode}`);
  const success = answer?.status === 200 && result.statusCode === 200;
  if ((attempt.outcome === "success") !== success)
    violation(`is a ${attempt.outcome}; the answer was ${answer?.status}`);
}
