import { INTERRUPTIONS_PER_FAILURE, LEASE_GRACE_MS } from "../../../../src/core/limits.ts";
import type { Attempt, Delivery } from "../../../../src/subscription/rpc.ts";
import type { Checker, Evidence, Standing } from "../evidence.ts";
import type { RequestRecord } from "../journal.ts";

/**
 * Invariant 10: attempts ≤ budget + interruptions + probes + manual ones; numbers rise and never repeat; schedule and
 * Retry-After are kept; none after settled.
 */
export const retries: Checker = {
  invariant: "10 retries",
  check(evidence, violation) {
    let checks = 0;
    for (const standing of evidence.standing.values()) {
      const { config } = standing.record;
      for (const delivery of standing.deliveries) {
        const say = (what: string) => violation(`${config.id}: event ${delivery.offset} ${what}`);
        const requests = evidence.journal.requests.filter(
          ({ send, part }) => part.target.id === config.id && send.event.id === delivery.eventId,
        );
        checks += 1;
        numbers(requests, say);
        budget(standing, delivery, requests, say);
        oneAtATime(requests, say);
        noneAfterSettled(evidence, standing, delivery, requests, say);
        if (config.retry.holdAfterFailures === null && !everDisabled(evidence, config.id)) {
          checks += schedule(standing, delivery, requests, say);
        }
      }
    }
    return checks;
  },
};

const everDisabled = ({ journal }: Evidence, id: string): boolean =>
  journal.requests.some(({ part, answer }) => part.target.id === id && answer?.status === 410);

export function numbers(requests: readonly RequestRecord[], say: (what: string) => void): void {
  const seen = new Set<number>();
  for (const { send } of requests) {
    if (seen.has(send.attempt)) say(`was sent twice as attempt ${send.attempt}`);
    if (send.attempt < Math.max(0, ...seen)) say(`was sent as attempt ${send.attempt} after a later one`);
    seen.add(send.attempt);
  }
}

/** Its lease ran out before the subscription heard what came of it, or may have, as far as can be seen from outside. */
function mayBeInterrupted({ id, outcome }: Attempt, requests: readonly RequestRecord[]): boolean {
  const request = requests.find(({ send }) => send.attemptId === id);
  if (outcome === "interrupted" || request === undefined) return true;
  const expiresAt = request.part.leasedAt + request.part.target.timeoutSeconds * 1000 + LEASE_GRACE_MS;
  return request.reported === null || request.reported.at >= expiresAt;
}

/** Only a report or the expiry of its lease ends an attempt: never a restart. */
export function oneAtATime(requests: readonly RequestRecord[], say: (what: string) => void): void {
  requests.forEach((request, index) => {
    const before = requests[index - 1];
    if (before === undefined) return;
    const { part, ended, send } = before;
    const { leasedAt } = request.part;
    const expired = leasedAt >= part.leasedAt + part.target.timeoutSeconds * 1000 + LEASE_GRACE_MS;
    const heard = ended !== null && leasedAt >= ended.at;
    if (!expired && !heard) say(`attempt ${request.send.attempt} began while ${send.attempt} was under way`);
  });
}

const manualRetries = ({ record }: Standing, eventId: string) =>
  record.retries.filter((one) => one.value === eventId && one.accepted);

/** Held attempts cost nothing: while on hold, or when the subscriber was gone. A hold ends with a success. */
function budget(
  standing: Standing,
  { attempts, eventId }: Delivery,
  requests: readonly RequestRecord[],
  say: (what: string) => void,
): void {
  const { retry } = standing.record.config;
  const interrupted = attempts.filter((attempt) => mayBeInterrupted(attempt, requests)).length;
  const probes = attempts.filter(({ trigger }) => trigger === "probe").length;
  const gone = attempts.filter(({ statusCode }) => statusCode === 410).length;
  const successes = standing.deliveries
    .flatMap((one) => one.attempts)
    .filter((one) => one.outcome === "success").length;
  const holds = retry.holdAfterFailures === null ? 0 : successes + 1;
  const runs = 1 + manualRetries(standing, eventId).length;
  const most = runs * (1 + retry.scheduleSeconds.length) + interrupted + probes + gone + holds;
  if (attempts.length > most) say(`had ${attempts.length} attempts, at most ${most} were due`);
}

function noneAfterSettled(
  { journal }: Evidence,
  standing: Standing,
  delivery: Delivery,
  requests: readonly RequestRecord[],
  say: (what: string) => void,
): void {
  const settled = requests.find(
    ({ result, reported }) => reported !== null && result?.kind === "answered" && result.statusCode === 200,
  );
  const letterAt = journal.subscriptions
    .get(standing.record.config.id)
    ?.cancels.find((one) => one.value === delivery.eventId && one.accepted && one.done !== null)?.done;
  for (const end of [settled?.reported, letterAt]) {
    if (end === undefined || end === null) continue;
    // An attempt that was leased before the report came cannot be called back.
    const late = requests.find(({ started, part }) => started.step > end.step && part.leasedAt > end.at);
    if (late === undefined) continue;
    const byHand = manualRetries(standing, delivery.eventId).some((one) => one.asked.step < late.started.step);
    if (!byHand) say(`was settled, and then sent again as attempt ${late.send.attempt} (${late.send.trigger})`);
  }
}

/** Without holds each retry has its time: not before the schedule, nor before Retry-After. */
function schedule(
  standing: Standing,
  delivery: Delivery,
  requests: readonly RequestRecord[],
  say: (what: string) => void,
): number {
  const { scheduleSeconds } = standing.record.config.retry;
  if (manualRetries(standing, delivery.eventId).length > 0) return 0;
  let checks = 0;
  let failures = 0;
  let interruptions = 0;
  let previous: Attempt | null = null;
  for (const attempt of delivery.attempts) {
    const request = requests.find(({ send }) => send.attemptId === attempt.id);
    if (previous !== null && previous.outcome === "failure" && request !== undefined && failures > 0) {
      checks += 1;
      const ended = previous.startedAt + (previous.durationMilliseconds ?? 0);
      const earliest = ended + (scheduleSeconds[failures - 1] ?? 0) * 1000;
      if (request.started.at < earliest)
        say(`attempt ${attempt.number} started ${earliest - request.started.at} ms early`);
      const after = requests.find(({ send }) => send.attemptId === previous?.id)?.result;
      const wanted = after?.kind === "answered" ? (after.retryAfterMilliseconds ?? 0) : 0;
      if (request.started.at < ended + wanted) say(`attempt ${attempt.number} came before its Retry-After`);
    }
    // Perhaps it counted as a failure, perhaps as an interruption: no telling how the schedule goes on.
    if (attempt.outcome === "failure" && mayBeInterrupted(attempt, requests)) return checks;
    interruptions = attempt.outcome === "interrupted" ? interruptions + 1 : 0;
    if (attempt.outcome === "failure" || interruptions === INTERRUPTIONS_PER_FAILURE) failures += 1;
    if (interruptions === INTERRUPTIONS_PER_FAILURE) interruptions = 0;
    previous = attempt;
  }
  return checks;
}
