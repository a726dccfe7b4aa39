import { EVENTS_TOPIC } from "../../../src/core/operational-event.ts";
import {
  appendedAt,
  type Checker,
  type DeliveryDump,
  disturbedFrom,
  type Evidence,
  eventsOf,
  expectation,
  isAccepted,
  matchesSince,
  mayBeDone,
  nameOf,
  type Placed,
  standing,
} from "../evidence.ts";
import type { SubscriptionRecord } from "../journal.ts";

const SETTLED = ["delivered", "dead", "cancelled"];

/** Invariant 5: matched = delivered + dead + cancelled, and nothing is pending once all is quiet. */
export const conservation: Checker = {
  invariant: "5 conservation",
  check(evidence, violation) {
    let checks = 0;
    for (const { record, view, deliveries } of standing(evidence)) {
      const say = (what: string) => violation(`${nameOf(record)}: ${what}`);
      checks += 1;
      if (view.lag !== 0 || view.state !== "active") say(`is ${view.state} with lag ${view.lag} when all is quiet`);
      checks += everyEvent(evidence, record, deliveries, say);
      checks += letters(evidence, record, deliveries, say);
      checks += announcements(evidence, record, say);
      checks += history(evidence, record, deliveries, say);
    }
    for (const record of evidence.journal.subscriptions) {
      checks += 1;
      const there = evidence.dump.subscriptions.has(record.id);
      if (record.deleted && there) violation(`${nameOf(record)} was deleted and is there`);
      if (record.deleteAsked === null && !there) violation(`${nameOf(record)} is gone and nobody deleted it`);
    }
    return checks;
  },
};

function acceptedEvents(evidence: Evidence, record: SubscriptionRecord, since = 0): Set<string> {
  const accepted = (evidence.requests.get(record.id) ?? []).filter((one) => one.startedAt >= since && isAccepted(one));
  return new Set(accepted.flatMap((one) => eventsOf(evidence, one).map(({ entry }) => entry.id)));
}

function everyEvent(
  evidence: Evidence,
  record: SubscriptionRecord,
  deliveries: readonly DeliveryDump[],
  say: (what: string) => void,
): number {
  const byId = Map.groupBy(deliveries, ({ eventId }) => eventId);
  const accepted = acceptedEvents(evidence, record);
  let checks = 0;
  for (const placed of evidence.events.values()) {
    const { id, offset, type } = placed.entry;
    const [delivery, ...more] = byId.get(id) ?? [];
    const expected = expectation(record, placed);
    if (expected === "never" && delivery === undefined) continue;
    checks += 1;
    const what = `event ${offset} (${type}, ${id})`;
    if (expected === "never") say(`${what} of ${placed.log} was taken up and does not match`);
    if (more.length > 0) say(`${what} is listed ${more.length + 1} times`);
    if (delivery === undefined) {
      if (expected === "must") say(`${what} is not in the delivery log`);
      continue;
    }
    const { state } = delivery;
    if (!SETTLED.includes(state)) say(`${what} is ${state} when all is quiet`);
    if (state === "delivered" && !accepted.has(id)) say(`${what} counts as delivered and was never accepted`);
    const cancelled = record.cancels.some((one) => one.eventId === id && mayBeDone(one));
    const skipped = record.seeks.some(({ to }) => to === null || to > offset);
    const gone = cancelled || skipped || isTakenBack(record, placed);
    if (state === "cancelled" && !gone) say(`${what} counts as cancelled and nobody asked for it`);
  }
  return checks;
}

/** A seek took it back, and a filter of since then, by which it is judged anew, does not let it through. */
const isTakenBack = (record: SubscriptionRecord, placed: Placed): boolean =>
  record.seeks.some(
    (one) =>
      mayBeDone(one) && (one.to === null || one.to <= placed.entry.offset) && !matchesSince(record, placed, one.asked),
  );

/** The tenant's index has the dead letters of the subscription, and no others of it. */
function letters(
  { dump }: Evidence,
  record: SubscriptionRecord,
  deliveries: readonly DeliveryDump[],
  say: (what: string) => void,
): number {
  const dead = deliveries.filter(({ state }) => state === "dead").map(({ offset }) => offset);
  const all = dump.deadLetters.get(record.plan.tenant) ?? [];
  const indexed = all.filter(({ subscription }) => subscription === record.id);
  const offsets = indexed.map(({ eventId }) => deliveries.find((one) => one.eventId === eventId)?.offset ?? 0);
  const sorted = offsets.toSorted((a, b) => a - b);
  if (sorted.join() !== dead.join()) say(`dead are ${dead}, the index of dead letters has ${sorted}`);
  return 1 + dead.length;
}

/** Of each death there is one operational event, of those that died once. */
function announcements({ dump }: Evidence, record: SubscriptionRecord, say: (what: string) => void): number {
  const { tenant } = record.plan;
  const told = (dump.logs.get(`${tenant}/${EVENTS_TOPIC}`) ?? []).filter(({ type }) => type === "delivery.dead");
  const letters = (dump.deadLetters.get(tenant) ?? []).filter(({ subscription }) => subscription === record.id);
  for (const { eventId } of letters) {
    const times = told.filter(({ data }) => data.includes(eventId) && data.includes(record.id)).length;
    const again = disturbedFrom(record, eventId) < Number.POSITIVE_INFINITY || record.seeks.length > 0;
    if (again ? times === 0 : times !== 1) say(`the death of ${eventId} is an operational event ${times} times`);
  }
  return letters.length;
}

/** What was sought comes again: every match from there on is accepted (or given up) after the seek. */
function history(
  evidence: Evidence,
  record: SubscriptionRecord,
  deliveries: readonly DeliveryDump[],
  say: (what: string) => void,
): number {
  let checks = 0;
  record.seeks.forEach(({ status, to, asked }, index) => {
    if (status !== 200 || to === null) return;
    const later = record.seeks.slice(index + 1);
    const accepted = acceptedEvents(evidence, record, asked);
    for (const placed of evidence.events.values()) {
      const { id, offset } = placed.entry;
      const there = placed.log === `${record.plan.tenant}/${record.plan.topic}` && offset >= to;
      if (!there || appendedAt(placed.entry) > asked || !matchesSince(record, placed, asked)) continue;
      if (later.some((one) => one.to === null || one.to > offset)) continue;
      const state = deliveries.find(({ eventId }) => eventId === id)?.state;
      checks += 1;
      if (state === "delivered" && !accepted.has(id)) say(`event ${offset} did not come again after a seek to ${to}`);
      if (state === undefined) say(`event ${offset} has no delivery after a seek to ${to}`);
    }
  });
  return checks;
}
