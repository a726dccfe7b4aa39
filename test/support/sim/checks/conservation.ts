import { decodeEventId } from "../../../../src/core/ids.ts";
import type { Delivery } from "../../../../src/subscription/rpc.ts";
import type { Checker, Evidence, Standing } from "../evidence.ts";
import { postedAt } from "../posted.ts";
import { expectation } from "../relevant.ts";

/** The shortest retention a schedule has. */
const DAY_MS = 86_400_000;
const SETTLED = new Set(["delivered", "dead", "cancelled"]);

/** Invariant 5: matched = delivered + dead + cancelled, and nothing is pending once all is quiet. */
export const conservation: Checker = {
  invariant: "5 conservation",
  check(evidence, violation) {
    let checks = 0;
    for (const standing of evidence.standing.values()) {
      const { id } = standing.record.config;
      checks += 1;
      if (standing.view.lag !== 0) violation(`${id} has lag ${standing.view.lag} when all is quiet`);
      checks += everyEvent(evidence, standing, (what) => violation(`${id}: ${what}`));
      checks += deadLetters(evidence, standing, (what) => violation(`${id}: ${what}`));
    }
    checks += ended(evidence, violation);
    return checks;
  },
};

function everyEvent(evidence: Evidence, standing: Standing, violation: (what: string) => void): number {
  const { record, start, deliveries } = standing;
  const byOffset = Map.groupBy(deliveries, (delivery) => delivery.offset);
  let checks = 0;
  for (const event of evidence.log) {
    checks += 1;
    const found = byOffset.get(event.offset) ?? [];
    const [delivery] = found;
    byOffset.delete(event.offset);
    if (found.length > 1) violation(`event ${event.offset} is listed ${found.length} times`);
    const expected = event.offset < start ? "never" : expectation(record, event, postedAt(evidence, event));
    if (expected === "must" && delivery === undefined) violation(`event ${event.offset} is not in the delivery log`);
    // Until the log has heard of a new filter it lists what waits by the old one, and a person may cancel that.
    const byHand = delivery?.state === "cancelled" && record.filters.length > 1;
    if (expected === "never" && delivery !== undefined && !byHand) {
      violation(`event ${event.offset} was taken up and does not match`);
    }
    if (delivery === undefined) continue;
    if (delivery.eventId !== event.id) violation(`event ${event.offset} is ${delivery.eventId}, not ${event.id}`);
    if (!SETTLED.has(delivery.state)) violation(`event ${event.offset} is ${delivery.state} when all is quiet`);
    checks += justified(evidence, standing, delivery, violation);
  }
  for (const offset of byOffset.keys()) violation(`event ${offset} is not in the log at all`);
  return checks;
}

/** Each end has its reason: a 2xx, a cancellation somebody asked for, a spent schedule. */
function justified(
  { journal, deadLetters }: Evidence,
  { record }: Standing,
  delivery: Delivery,
  violation: (what: string) => void,
): number {
  const { eventId, offset, state } = delivery;
  const requests = journal.requests.filter(
    ({ send, part }) => part.target.id === record.config.id && send.event.id === eventId,
  );
  if (state === "delivered" && !requests.some(({ answer }) => answer?.status === 200)) {
    violation(`event ${offset} counts as delivered and was never accepted`);
  }
  if (state === "cancelled" && !record.cancels.some((one) => one.value === eventId && one.accepted)) {
    violation(`event ${offset} counts as cancelled and nobody asked for it`);
  }
  if (state !== "dead") return 1;
  const { id } = record.config;
  const letter = deadLetters.find((one) => one.subscription === id && one.offset === offset);
  const age = (letter?.deadAt ?? 0) - (decodeEventId(eventId)?.time ?? 0);
  if (letter?.reason !== "expired" && requests.length === 0) violation(`event ${offset} is dead without an attempt`);
  if (letter?.reason === "expired" && age < DAY_MS) violation(`event ${offset} expired after ${age} ms`);
  return 1;
}

/** The tenant's index has the dead letters of the subscription, and no others of it. */
function deadLetters(evidence: Evidence, standing: Standing, violation: (what: string) => void): number {
  const { id } = standing.record.config;
  const dead = standing.deliveries.filter(({ state }) => state === "dead").map(({ offset }) => offset);
  const indexed = evidence.deadLetters.filter((letter) => letter.subscription === id).map(({ offset }) => offset);
  const missing = dead.filter((offset) => !indexed.includes(offset));
  const extra = indexed.filter((offset) => !dead.includes(offset));
  if (missing.length > 0) violation(`dead letters ${missing} are not in the index`);
  if (extra.length > 0) violation(`the index has dead letters ${extra} that are none`);
  if (new Set(indexed).size !== indexed.length) violation(`the index has a dead letter twice: ${indexed}`);
  return 1;
}

/** A deleted subscription leaves nothing; a created one is known to everybody. */
function ended(evidence: Evidence, violation: (what: string) => void): number {
  let checks = 0;
  for (const [id, record] of evidence.journal.subscriptions) {
    checks += 1;
    const deleted = record.stops.some((stop) => record.deleteAsked !== null && stop.until === null);
    const exists = evidence.standing.has(id);
    if (record.deleteAsked === null && record.creation.answered?.value && !exists)
      violation(`${id} was created and is gone`);
    if (deleted && exists) violation(`${id} was deleted and is there`);
    if (evidence.named.has(id) !== exists)
      violation(`${id} ${exists ? "exists and is not" : "does not exist and is"} in the directory`);
    if (evidence.registered.has(id) !== exists)
      violation(`${id} ${exists ? "exists and is not" : "does not exist and is"} in the log`);
    if (!exists) checks += storesNothing(evidence, id, violation);
  }
  return checks;
}

function storesNothing({ world }: Evidence, id: string, violation: (what: string) => void): number {
  const object = world.objects.find(({ name }) => name.endsWith(`/${id}`));
  const tables = object?.stored.exec("SELECT name FROM sqlite_master WHERE name = 'subscription'") ?? [];
  if (object === undefined || tables.length === 0) return 0;
  if (object.stored.exec("SELECT id FROM subscription").length > 0) violation(`${id} does not exist and has storage`);
  return 1;
}
