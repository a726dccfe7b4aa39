import { INTERRUPTIONS_PER_FAILURE } from "../../../src/core/limits.ts";
import type { AttemptAnswer } from "../../support/client.ts";
import type { Arrival } from "../endpoint.ts";
import { attemptOf, type Checker, type DeliveryDump, mayBeDone, nameOf, standing, triggerOf } from "../evidence.ts";
import type { SubscriptionRecord } from "../journal.ts";
import { RETRY_AFTER_SECONDS } from "../manners.ts";

/** Two clocks, both in whole milliseconds. */
const CLOCK_MS = 5;
/** Those that begin the schedule anew. */
const NEW_RUN = ["manual", "redrive", "seek"];

/** Invariant 10: attempts ≤ budget + interruptions + probes + manual ones; schedule and Retry-After kept; none after settled. */
export const retries: Checker = {
  invariant: "10 retries",
  check(evidence, violation) {
    let checks = 0;
    for (const { record, deliveries } of standing(evidence)) {
      const byEvent = Map.groupBy(evidence.requests.get(record.id) ?? [], ({ headers }) => headers.get("webhook-id"));
      for (const delivery of deliveries) {
        const say = (what: string) => violation(`${nameOf(record)}: event ${delivery.offset} ${what}`);
        const requests = byEvent.get(delivery.eventId) ?? [];
        checks += 1;
        numbers(delivery, requests, say);
        noneAfterSettled(record, delivery, say);
        if (record.plan.batch === null) {
          budget(record, delivery, say);
          checks += schedule(record, delivery, requests, say);
        }
      }
    }
    return checks;
  },
};

function numbers({ attempts }: DeliveryDump, requests: readonly Arrival[], say: (what: string) => void): void {
  const logged = attempts.map(({ number }) => number);
  if (logged.some((number, index) => number !== index + 1)) say(`has attempts numbered ${logged}`);
  const seen = new Set<number>();
  for (const request of requests) {
    const number = attemptOf(request);
    if (seen.has(number)) say(`was sent twice as attempt ${number}`);
    if (number < Math.max(0, ...seen)) say(`was sent as attempt ${number} after a later one`);
    seen.add(number);
  }
}

/** Attempts from one beginning of the schedule to the next. */
function runsOf(attempts: readonly AttemptAnswer[]): AttemptAnswer[][] {
  const runs: AttemptAnswer[][] = [[]];
  for (const attempt of attempts) {
    if (NEW_RUN.includes(attempt.trigger)) runs.push([]);
    runs.at(-1)?.push(attempt);
  }
  return runs.filter((run) => run.length > 0);
}

/** Failures that count. Held attempts cost nothing: probes, those of a hold, and those of a subscriber that is gone. */
function budget({ plan }: SubscriptionRecord, { attempts }: DeliveryDump, say: (what: string) => void): void {
  if (plan.holdAfterFailures !== null) return;
  for (const run of runsOf(attempts)) {
    const failures = run.filter(({ outcome, statusCode }) => outcome === "failure" && statusCode !== 410).length;
    const most = 1 + plan.scheduleSeconds.length;
    if (failures > most) say(`failed ${failures} times in one run, ${most} were due`);
  }
}

function noneAfterSettled(record: SubscriptionRecord, delivery: DeliveryDump, say: (what: string) => void): void {
  for (const run of runsOf(delivery.attempts)) {
    run.forEach((attempt, index) => {
      const next = run[index + 1];
      if (attempt.outcome !== "success" || next === undefined) return;
      if (next.trigger === "probe" && isSought(record, delivery, attempt, next)) return;
      // Its success was reported when the lease had expired and the event was on its way again.
      const ended = Date.parse(attempt.startedAt) + (attempt.durationMilliseconds ?? 0);
      if (Date.parse(next.startedAt) > ended + CLOCK_MS)
        say(`was settled by attempt ${attempt.number}, and sent again (${next.trigger})`);
    });
  }
}

/** During a hold what was sought is probed first, and the probe begins its schedule anew. */
function isSought(
  { seeks }: SubscriptionRecord,
  { offset }: DeliveryDump,
  attempt: AttemptAnswer,
  next: AttemptAnswer,
): boolean {
  const [from, until] = [Date.parse(attempt.startedAt), Date.parse(next.startedAt)];
  return seeks.some(
    (one) => mayBeDone(one) && (one.to === null || one.to <= offset) && one.done >= from && one.asked <= until,
  );
}

/** Without holds each retry has its time: not before the schedule, nor before Retry-After. */
function schedule(
  { plan, retries: byHand, resumes }: SubscriptionRecord,
  { attempts, eventId }: DeliveryDump,
  requests: readonly Arrival[],
  say: (what: string) => void,
): number {
  if (plan.holdAfterFailures !== null || byHand.some((one) => one.eventId === eventId)) return 0;
  let checks = 0;
  for (const run of runsOf(attempts)) {
    let failures = 0;
    let interruptions = 0;
    for (const [index, attempt] of run.entries()) {
      const next = requests.find((request) => attemptOf(request) === attempt.number + 1);
      interruptions = attempt.outcome === "interrupted" ? interruptions + 1 : 0;
      if (interruptions === INTERRUPTIONS_PER_FAILURE) break;
      if (attempt.outcome !== "failure" || attempt.statusCode === 410) continue;
      failures += 1;
      if (next === undefined || index + 1 === run.length || triggerOf(next) !== "retry") continue;
      // Whoever resumes a disabled subscription wants it tried at once.
      if (resumes.some((one) => one.done > Date.parse(attempt.startedAt) && one.asked < next.startedAt)) continue;
      checks += 1;
      const asked = requests.find((request) => attemptOf(request) === attempt.number)?.manner.endsWith("-retry-after");
      const wanted = Math.max(plan.scheduleSeconds[failures - 1] ?? 0, asked ? RETRY_AFTER_SECONDS : 0);
      const earliest = Date.parse(attempt.startedAt) + (attempt.durationMilliseconds ?? 0) + wanted * 1000 - CLOCK_MS;
      if (next.startedAt < earliest) {
        say(
          `was retried ${(earliest - next.startedAt).toFixed()} ms early after attempt ${attempt.number} (${wanted} s)`,
        );
      }
    }
  }
  return checks;
}
