import { SEND_START_MAX_MS } from "../../../src/core/limits.ts";
import type { Arrival } from "../endpoint.ts";
import {
  type Checker,
  type DeliveryDump,
  describe,
  disturbedFrom,
  type Evidence,
  eventsOf,
  isAccepted,
  mayBeDone,
  nameOf,
  standing,
} from "../evidence.ts";
import type { SubscriptionRecord } from "../journal.ts";

/** Deadlines of the gateway's clock, as ours sees them. */
const CLOCK_MS = 50;

interface Step {
  readonly request: Arrival;
  readonly offset: number;
  readonly eventId: string;
}

/** Invariant 7: the next of a key (in topic order: the next at all) starts only after the one before is settled. */
export const keyOrder: Checker = {
  invariant: "7 key order",
  check(evidence, violation) {
    let checks = 0;
    for (const { record, deliveries } of standing(evidence)) {
      if (record.plan.ordering === "none") continue;
      for (const steps of lanesOf(evidence, record).values()) {
        for (const run of runsOf(record, steps)) {
          checks += judge(evidence, record, deliveries, run, (what) => violation(`${nameOf(record)}: ${what}`));
        }
      }
    }
    return checks;
  },
};

function lanesOf(evidence: Evidence, record: SubscriptionRecord): Map<string, Step[]> {
  const steps = (evidence.requests.get(record.id) ?? []).flatMap((request) =>
    eventsOf(evidence, request).map(({ entry }) => ({
      ...{ request, offset: entry.offset, eventId: entry.id },
      lane: record.plan.ordering === "topic" ? "all" : entry.key,
    })),
  );
  const lanes = new Map<string, Step[]>();
  for (const { lane, ...step } of steps) if (lane !== null) lanes.set(lane, [...(lanes.get(lane) ?? []), step]);
  return lanes;
}

/** Between two seeks history goes one way; what was under way at one may still arrive. */
function runsOf(record: SubscriptionRecord, steps: readonly Step[]): Step[][] {
  const seeks = record.seeks.filter(mayBeDone);
  const open = (at: number) =>
    seeks.some(({ asked, done }) => at >= asked && at <= done + SEND_START_MAX_MS + CLOCK_MS);
  const before = (at: number) => seeks.filter(({ asked }) => asked < at).length;
  const judged = steps.filter(({ request }) => !open(request.startedAt));
  return [...Map.groupBy(judged, ({ request }) => before(request.startedAt)).values()];
}

function judge(
  evidence: Evidence,
  record: SubscriptionRecord,
  deliveries: readonly DeliveryDump[],
  run: readonly Step[],
  say: (what: string) => void,
): number {
  let checks = 0;
  let last: Step | null = null;
  const accepted = new Map<string, number>();
  for (const step of run) {
    const { request, offset, eventId } = step;
    const disturbed = disturbedFrom(record, eventId) < request.startedAt;
    if (last !== null && !disturbed) {
      checks += 1;
      if (offset < last.offset && !wasUnderWay(record, last, step)) {
        say(`${describe(request)} came after event ${last.offset} had begun`);
      }
      if (offset > last.offset && !isSettled(evidence, record, deliveries, last, accepted, request.startedAt)) {
        say(`${describe(request)} began before event ${last.offset} was settled (${describe(last.request)})`);
      }
    }
    if (isAccepted(request))
      accepted.set(eventId, Math.min(accepted.get(eventId) ?? Infinity, request.answered?.at ?? 0));
    if (!disturbed && (last === null || offset >= last.offset)) last = step;
  }
  return checks;
}

/** Cancelled by hand while its request was about to begin. */
const wasUnderWay = ({ cancels }: SubscriptionRecord, _last: Step, { eventId }: Step): boolean =>
  cancels.some((one) => one.eventId === eventId && mayBeDone(one));

function isSettled(
  evidence: Evidence,
  record: SubscriptionRecord,
  deliveries: readonly DeliveryDump[],
  { eventId }: Step,
  accepted: ReadonlyMap<string, number>,
  at: number,
): boolean {
  if ((accepted.get(eventId) ?? Number.POSITIVE_INFINITY) <= at) return true;
  if (disturbedFrom(record, eventId) < at) return true;
  if (record.cancels.some((one) => one.eventId === eventId && one.asked < at && mayBeDone(one))) return true;
  const letters = evidence.dump.deadLetters.get(record.plan.tenant) ?? [];
  const delivery = deliveries.find((one) => one.eventId === eventId);
  const letter = letters.find((one) => one.eventId === eventId && one.subscription === record.id);
  if (letter !== undefined && delivery?.state === "dead") return Date.parse(letter.deadAt) <= at + CLOCK_MS;
  // It was a dead letter then, and was brought back since: its attempts say how many had failed.
  const failed = delivery?.attempts.filter(
    ({ startedAt, outcome }) => Date.parse(startedAt) < at && outcome === "failure",
  );
  const brought = disturbedFrom(record, eventId) < Number.POSITIVE_INFINITY || record.seeks.length > 0;
  return brought && (failed?.length ?? 0) > 0;
}
