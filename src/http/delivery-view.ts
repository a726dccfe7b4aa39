import { formatRfc3339 } from "../core/time.ts";
import type { Attempt, Delivery } from "../subscription/rpc.ts";

/** A delivery as a list shows it (API clause 7.1): `attempts` is their number, `lastAttempt` has no request and response. */
export const deliveryView = (delivery: Delivery, topic: string) => view(delivery, topic, delivery.attempts.length);

/** A delivery with all its attempts (API clause 7.2). */
export const deliveryDetail = (delivery: Delivery, topic: string) =>
  view(delivery, topic, delivery.attempts.map(attemptDetail));

function view<A>(delivery: Delivery, topic: string, attempts: A) {
  const { eventId, partition, offset, type, key, state, nextAttemptAt } = delivery;
  const last = delivery.attempts.at(-1);
  return {
    eventId,
    topic,
    partition,
    offset,
    type,
    key,
    state,
    attempts,
    lastAttempt: last === undefined ? null : attemptSummary(last),
    nextAttemptAt: nextAttemptAt === null ? null : formatRfc3339(nextAttemptAt),
  };
}

function attemptSummary({ id, number, trigger, startedAt, durationMilliseconds, outcome, statusCode, error }: Attempt) {
  return { id, number, trigger, startedAt: formatRfc3339(startedAt), durationMilliseconds, outcome, statusCode, error };
}

/** An attempt with its request and response (API clauses 5.5, 7.2). */
export const attemptDetail = (attempt: Attempt) => ({
  ...attemptSummary(attempt),
  request: attempt.request,
  response: attempt.response,
});
