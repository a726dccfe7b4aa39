import { batchId } from "../core/batch.ts";
import { requestContentType } from "../core/body.ts";
import type { LogEvent } from "../core/event.ts";
import { shownEventHeaders } from "../core/event-headers.ts";
import { LEASE_GRACE_MS, LEASE_ROW_MAX_BYTES, LEASE_ROW_MAX_SENDS } from "../core/limits.ts";
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

  constructor(deps: SubscriptionDeps, state: SubscriptionState) {
    this.#deps = deps;
    this.#state = state;
  }

  /** Requests under way: a batch is one. */
  requests(): number {
    let requests = 0;
    for (const { entry } of this.#state.flights.values())
      if (entry.m === undefined || entry.m === entry.o) requests += 1;
    return requests;
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
    const { config } = known;
    const context: LeaseContext = {
      url: config.url,
      headerNames: Object.keys(config.headers),
      version: this.#deps.version,
      leaseMilliseconds: config.timeoutSeconds * 1000 + LEASE_GRACE_MS,
      ...(typeof config.webhookOrigin === "string" && { webhookOrigin: config.webhookOrigin }),
    };
    const current = deliverer === null ? undefined : this.#state.filled.get(deliverer);
    if (
      current !== undefined &&
      current.entries.length + sends <= LEASE_ROW_MAX_SENDS &&
      current.bytes < LEASE_ROW_MAX_BYTES &&
      JSON.stringify(current.context) === JSON.stringify(context)
    ) {
      return current;
    }
    const row = this.#state.newRow(context, now);
    this.#state.filled.set(deliverer ?? row.id, row);
    return row;
  }
}
