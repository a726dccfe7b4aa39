import type { Checker, Evidence, Standing } from "../evidence.ts";
import type { RequestRecord, SubscriptionRecord } from "../journal.ts";
import { orderingBetween } from "../relevant.ts";

/** Invariant 7: the next of a key (in topic order: the next at all) starts only after the one before is settled. */
export const keyOrder: Checker = {
  invariant: "7 key order",
  check(evidence, violation) {
    let checks = 0;
    const requests = Map.groupBy(evidence.journal.requests, ({ part }) => part.target.id);
    for (const [id, ofOne] of requests) {
      const byOffset = Map.groupBy(ofOne, ({ send }) => send.event.offset);
      const record = evidence.journal.subscriptions.get(id);
      if (record === undefined) continue;
      for (const [offset, tries] of byOffset) {
        const [first] = tries;
        if (first === undefined) continue;
        for (const [earlier, before] of byOffset) {
          if (earlier >= offset || before[0] === undefined) continue;
          const created = record.creation.asked;
          const ordering = orderingBetween(record, created, first.started);
          const bound = ordering === "topic" || (ordering === "key" && sameKey(before[0], first));
          if (!bound) continue;
          // Somebody brought the earlier one up again, which may have been settled by then.
          if (retriedByHand(record, before[0], first)) continue;
          checks += 1;
          const standing = evidence.standing.get(id);
          const late = before.find((one) => one.started.step > first.started.step);
          if (late !== undefined && !retriedByHand(record, late, late)) {
            violation(`${id}: attempt ${late.send.attempt} of ${earlier} started after ${offset} had begun`);
          }
          if (!settledBy(before, first) && !endedOtherwise(evidence, standing, earlier, first, record.cancels)) {
            violation(`${id}: ${offset} started before ${earlier} was settled`);
          }
        }
      }
    }
    return checks;
  },
};

const sameKey = (one: RequestRecord, other: RequestRecord): boolean =>
  one.send.event.key !== null && one.send.event.key === other.send.event.key;

const settledBy = (tries: readonly RequestRecord[], first: RequestRecord): boolean =>
  tries.some(({ answer }) => answer?.status === 200 && answer.step <= first.started.step);

/** Given up or cancelled before: what stands there now must say so, unless the subscription is gone. */
function endedOtherwise(
  { journal }: Evidence,
  standing: Standing | undefined,
  offset: number,
  first: RequestRecord,
  cancels: readonly { readonly value: string; readonly accepted: boolean; readonly asked: { readonly step: number } }[],
): boolean {
  if (standing === undefined) return true;
  const delivery = standing.deliveries.find((one) => one.offset === offset);
  if (delivery === undefined) return false;
  const { id } = first.part.target;
  const given = journal.letters.some(
    (one) => one.subscription === id && one.eventId === delivery.eventId && one.deadAt <= first.started.at,
  );
  if (given) return true;
  const cancelled = cancels.some(
    (one) => one.value === delivery.eventId && one.accepted && one.asked.step < first.started.step,
  );
  const attempts = delivery.attempts.filter(({ startedAt }) => startedAt <= first.started.at);
  const spent = attempts.length > 0 && attempts.every(({ outcome }) => outcome !== "success");
  return cancelled || (spent && attempts.length > standing.record.config.retry.scheduleSeconds.length);
}

/** Whether a manual retry of this event was asked for before the other request began. */
const retriedByHand = (record: SubscriptionRecord, { send }: RequestRecord, { started }: RequestRecord): boolean =>
  record.retries.some((one) => one.value === send.event.id && one.accepted && one.asked.step < started.step);
