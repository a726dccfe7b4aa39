import { batchId } from "../core/batch.ts";
import { requestContentType } from "../core/body.ts";
import type { LogEvent } from "../core/event.ts";
import { shownEventHeaders } from "../core/event-headers.ts";
import { LEASE_GRACE_MS, LEASE_ROW_MAX_BYTES, LEASE_ROW_MAX_SENDS, SENDS_PER_DELIVERER_MAX } from "../core/limits.ts";
import type { SubscriptionDeps } from "./deps.ts";
import type { Entry, LeaseContext, LeaseRow } from "./model.ts";
import type { Part, Send, SubscriptionConfig, Trigger } from "./rpc.ts";
import type { Known, SubscriptionState } from "./state.ts";

export interface Candidate {
  readonly event: LogEvent;
  readonly previous: number;
  readonly attempt: number;
  readonly trigger: Trigger;
}

export const isBatched = ({ config }: Known): boolean => config.batch !== null;

/** Where its sends go, and what signs them. */
export function targetOf(config: SubscriptionConfig, now: number): Part["target"] {
  const { id, tenant, topic, url, format, headers, timeoutSeconds, webhookOrigin = null } = config;
  const secrets = config.secrets.filter((secret) => secret.expiresAt === null || secret.expiresAt > now);
  return { id, tenant, topic, url, format, headers, timeoutSeconds, webhookOrigin, secrets };
}

/** Writes what was chosen into the delivery log and marks it as under way. Nothing is durable before the caller commits. */
export class Leases {
  readonly #deps: SubscriptionDeps;
  readonly #state: SubscriptionState;
  /** Deliverer → its places. Of one that is not known (after a restart) every request has a place. */
  readonly #granted = new Map<number, number>();
  #context: { readonly config: SubscriptionConfig; readonly context: LeaseContext } | null = null;

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
  }

  /** Places taken: what is leased to a deliverer beyond its places waits for one of them. A batch is one request. */
  places(): number {
    const requests = new Map<number, number>();
    for (const { entry, deliverer } of this.#state.flights.values()) {
      if (entry.m === undefined || entry.m === entry.o) requests.set(deliverer, (requests.get(deliverer) ?? 0) + 1);
    }
    let taken = 0;
    for (const [deliverer, count] of requests) taken += Math.min(count, this.#granted.get(deliverer) ?? count);
    return taken;
  }

  /** Gives a deliverer places beside those of its requests that it has not reported. */
  grant(deliverer: number, places: number): void {
    const flights = [...this.#state.flights.values()];
    const live = new Set(flights.map((flight) => flight.deliverer));
    for (const known of this.#granted.keys()) if (!live.has(known)) this.#granted.delete(known);
    const underWay = flights.filter(
      ({ entry, deliverer: its }) => its === deliverer && (entry.m === undefined || entry.m === entry.o),
    );
    this.#granted.set(deliverer, Math.min(underWay.length + places, SENDS_PER_DELIVERER_MAX));
  }

  /** One request, with one event or a batch of them. */
  begin(
    known: Known,
    members: readonly Candidate[],
    at: { row: LeaseRow; deliverer: number; now: number; startAt: number },
  ): Send {
    const [first] = members;
    if (first === undefined) throw new Error("A request carries an event.");
    const { row, deliverer, now, startAt } = at;
    const attemptId = this.#deps.newAttemptId();
    const batched = isBatched(known);
    const { format, topic } = known.config;
    for (const { event, previous, attempt, trigger } of members) {
      const ct = requestContentType(format, event, batched);
      const hd = shownEventHeaders(format, event, topic);
      const entry: Entry = {
        ...{ o: event.offset, id: event.id, t: event.type, k: event.key, h: event.hops, p: previous },
        ...{ n: attempt, a: attemptId, g: trigger, l: now, ct, out: null, fin: null, r: null },
        ...(hd === null ? {} : { hd }),
        ...(batched ? { m: first.event.offset } : {}),
      };
      row.entries.push(entry);
      if (!this.#state.holes.has(event.offset)) this.#state.lanes.begin(event.key);
      const expiresAt = now + row.context.leaseMilliseconds;
      this.#state.flights.set(event.offset, { row, entry, deliverer, expiresAt });
    }
    this.#state.touchRow(row);
    const events = members.map(({ event }) => event);
    return {
      ...{ lease: row.id, event: first.event, previous: first.previous, attemptId, trigger: first.trigger, startAt },
      attempt: Math.max(...members.map(({ attempt }) => attempt)),
      batch: batched ? { id: batchId(events.map(({ id }) => id)), events } : null,
    };
  }

  /** The deliverer's row while it has room and what its sends have in common is the same; else a new one. */
  rowFor(known: Known, deliverer: number | null, { sends, now }: { sends: number; now: number }): LeaseRow {
    const context = this.#contextOf(known.config);
    const current = deliverer === null ? undefined : this.#state.filled.get(deliverer);
    if (
      current !== undefined &&
      current.entries.length + sends <= LEASE_ROW_MAX_SENDS &&
      current.bytes < LEASE_ROW_MAX_BYTES &&
      (current.context === context || JSON.stringify(current.context) === JSON.stringify(context))
    ) {
      return current;
    }
    const row = this.#state.newRow(context, now);
    this.#state.filled.set(deliverer ?? row.id, row);
    return row;
  }

  /** The same object for the same configuration. */
  #contextOf(config: SubscriptionConfig): LeaseContext {
    if (this.#context?.config === config) return this.#context.context;
    const context: LeaseContext = {
      url: config.url,
      headerNames: Object.keys(config.headers),
      version: this.#deps.version,
      leaseMilliseconds: config.timeoutSeconds * 1000 + LEASE_GRACE_MS,
      ...(typeof config.webhookOrigin === "string" && { webhookOrigin: config.webhookOrigin }),
    };
    this.#context = { config, context };
    return context;
  }
}
