import type { DeliveryDump, Dump, LogEntry } from "./dump.ts";
import type { Egress } from "./egress.ts";
import type { Arrival } from "./endpoint.ts";
import { type Filter, Journal, type Post, type PostedEvent, type Samples, type SubscriptionRecord } from "./journal.ts";
import type { Plan } from "./plan.ts";
import { MARK } from "./posts.ts";

/** Clocks of two processes of one machine, read in milliseconds. */
const CLOCK_MS = 50;

export interface Seen {
  readonly plan: Plan;
  readonly journal: Journal;
  /** As everything stood when it was quiet, and how it differed after a restart. */
  readonly dump: Dump;
  readonly differences: readonly string[];
  readonly quiet: Samples;
  readonly loaded: Samples;
  readonly egress: Egress;
  /** On the disk, when all was quiet: databases without their write-ahead logs. */
  readonly stored: { readonly databases: number; readonly bytes: number; readonly longestJournalBytes: number };
  /** What came later belongs to the phase without private targets, and is not in the dump. */
  readonly until: number;
  readonly drainMilliseconds: number;
  readonly firstStartMilliseconds: number;
}

export interface Placed {
  /** `tenant/topic`. */
  readonly log: string;
  readonly entry: LogEntry;
  /** What was posted; null for events of the gateway itself. */
  readonly posted: { readonly post: Post; readonly event: PostedEvent } | null;
}

/** What the checkers judge: all that was seen, how everything stood when it was quiet, and where what belongs. */
export interface Evidence extends Seen {
  readonly events: ReadonlyMap<string, Placed>;
  readonly byMarker: ReadonlyMap<string, readonly Placed[]>;
  /** Requests by subscription, in the order of their beginning; those of clause 5.5 apart. */
  readonly requests: ReadonlyMap<string, readonly Arrival[]>;
  readonly tests: readonly Arrival[];
}

/** One invariant. `check` says what is wrong, and returns how many single things it looked at. */
export interface Checker {
  /** As in docs/INVARIANTS.md. */
  readonly invariant: string;
  check(evidence: Evidence, violation: (what: string) => void): number;
}

export function evidenceOf({ journal: all, ...rest }: Seen): Evidence {
  const journal = Object.assign(new Journal(), all, {
    posts: all.posts.filter(({ tries }) => tries.every(({ asked }) => asked < rest.until)),
    arrivals: all.arrivals.filter(({ startedAt }) => startedAt < rest.until),
  });
  const seen: Seen = { ...rest, journal };
  const posted = new Map(
    seen.journal.posts.flatMap((post) => post.events.map((event) => [event.marker, { post, event }])),
  );
  const placed = [...seen.dump.logs].flatMap(([log, entries]) =>
    entries.map((entry): Placed => ({ log, entry, posted: posted.get(markerOf(entry.data) ?? "") ?? null })),
  );
  const [tests = [], others = []] = [true, false].map((test) =>
    seen.journal.arrivals.filter(({ headers }) => (headers.get("sluice-trigger") === "test") === test),
  );
  return {
    ...seen,
    events: new Map(placed.map((one) => [one.entry.id, one])),
    byMarker: Map.groupBy(placed, ({ entry }) => markerOf(entry.data) ?? ""),
    requests: Map.groupBy(
      others.toSorted((a, b) => a.startedAt - b.startedAt),
      ({ headers }) => headers.get("sluice-subscription") ?? "",
    ),
    tests,
  };
}

const markerOf = (text: string): string | null => new RegExp(`${MARK}[a-z]+~\\d+~\\d+~`).exec(text)?.[0] ?? null;

/** The events a request carries: one, or the members of a batch. */
export function eventsOf(evidence: Evidence, { headers, body }: Arrival): Placed[] {
  if (!headers.has("sluice-batch-size")) {
    const one = evidence.events.get(headers.get("webhook-id") ?? "");
    return one === undefined ? [] : [one];
  }
  const markers = body.toString().match(new RegExp(`${MARK}[a-z]+~\\d+~\\d+~`, "g")) ?? [];
  return markers.flatMap((marker) => evidence.byMarker.get(marker)?.slice(0, 1) ?? []);
}

export const attemptOf = ({ headers }: Arrival): number => Number(headers.get("sluice-attempt"));
export const triggerOf = ({ headers }: Arrival): string => headers.get("sluice-trigger") ?? "";

export const isAccepted = ({ answered }: Arrival): boolean =>
  answered !== null && answered.status >= 200 && answered.status < 300;

export const appendedAt = ({ receivedAt }: LogEntry): number => Date.parse(receivedAt);

function matches({ types, atLeast }: Filter, { entry }: Placed): boolean {
  const fits = (pattern: string) =>
    pattern.endsWith(".*") ? entry.type.startsWith(pattern.slice(0, -1)) : pattern === entry.type;
  if (types.length > 0 && !types.some(fits)) return false;
  if (atLeast === null) return true;
  const { n }: { n?: unknown } = JSON.parse(entry.data);
  return typeof n === "number" && n >= atLeast;
}

/** The filters that may have decided about something that happened at or after a moment. */
function filtersSince({ filters }: SubscriptionRecord, since: number): Filter[] {
  let from = 0;
  filters.forEach((change, index) => {
    if (change.done < since) from = index;
  });
  return filters.slice(from).map(({ filter }) => filter);
}

/** Whether an event of its topic must, may or must never be delivered to a subscription. */
export function expectation(record: SubscriptionRecord, placed: Placed): "must" | "may" | "never" {
  if (placed.log !== `${record.plan.tenant}/${record.plan.topic}`) return "never";
  const at = appendedAt(placed.entry);
  const { offset } = placed.entry;
  const filters = filtersSince(record, at - CLOCK_MS);
  const matching = filters.filter((filter) => matches(filter, placed)).length;
  if (matching === 0) return "never";
  const soughtBack = record.seeks.some(({ to }) => to === null || to <= offset);
  const latest = record.start === "latest";
  if (latest && at < record.created.asked - CLOCK_MS) return soughtBack ? "may" : "never";
  if (latest && at <= record.created.done + CLOCK_MS) return "may";
  const skipped = record.seeks.some(({ to }) => to === null || to > offset);
  return matching === filters.length && !skipped ? "must" : "may";
}

/** Whether every filter since a moment lets an event through. */
export const matchesSince = (record: SubscriptionRecord, placed: Placed, since: number): boolean =>
  filtersSince(record, since).every((filter) => matches(filter, placed));

/** The living subscriptions with how they stand in the end. */
export function standing(evidence: Evidence) {
  return evidence.journal.subscriptions.flatMap((record) => {
    const found = evidence.dump.subscriptions.get(record.id);
    return found === undefined ? [] : [{ record, ...found }];
  });
}

export const nameOf = ({ plan, id }: SubscriptionRecord): string => `${plan.tenant}/${plan.name} (${id})`;

/** Asked for by hand, and perhaps done: it was not refused. */
export const mayBeDone = ({ status }: { readonly status: number | null }): boolean =>
  status === null || status < 300 || status >= 500;

/** Since when an event may come again though others came after it: retried by hand or redriven. */
export function disturbedFrom({ retries, redrives }: SubscriptionRecord, eventId: string): number {
  const moments = [
    ...retries.filter((one) => one.eventId === eventId && mayBeDone(one)),
    ...redrives.filter((one) => mayBeDone(one) && (one.eventIds === null || one.eventIds.includes(eventId))),
  ].map(({ asked }) => asked);
  return Math.min(Number.POSITIVE_INFINITY, ...moments);
}

export const describe = (arrival: Arrival): string =>
  `attempt ${attemptOf(arrival)} (${triggerOf(arrival)}) of ${arrival.headers.get("sluice-offset") ?? arrival.headers.get("webhook-id")} at ${new Date(arrival.startedAt).toISOString()}, answered ${arrival.manner}`;

export type { DeliveryDump };
