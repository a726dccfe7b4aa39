import type { Attempt } from "../../../../src/subscription/rpc.ts";
import type { Checker } from "../evidence.ts";
import type { RequestRecord } from "../journal.ts";

/** Invariant 9: a row for every request received; a crash may add `interrupted` rows, never hide one; no false success. */
export const attemptLog: Checker = {
  invariant: "9 attempt log",
  check({ journal, standing }, violation) {
    let checks = 0;
    for (const [id, { deliveries }] of standing) {
      const rows = new Map(deliveries.flatMap((one) => one.attempts.map((attempt) => [attempt.id, { one, attempt }])));
      for (const request of journal.requests) {
        if (request.part.target.id !== id || !request.reached) continue;
        checks += 1;
        const row = rows.get(request.send.attemptId);
        const what = `${id}: attempt ${request.send.attempt} of ${request.send.event.offset}`;
        if (row === undefined) violation(`${what} reached the subscriber and has no row`);
        else if (row.one.eventId !== request.send.event.id) violation(`${what} is in the log of another event`);
        else judge(row.attempt, request, (wrong) => violation(`${what} ${wrong}`));
      }
      for (const { attempt, one } of rows.values()) {
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
  if (attempt.number !== send.attempt || attempt.trigger !== send.trigger) violation(`is logged as ${attempt.number}`);
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
