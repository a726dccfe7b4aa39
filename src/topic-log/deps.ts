import type { OperationalEvent } from "../core/operational-event.ts";
import type { Sql } from "../core/sql.ts";
import type { LogFields } from "../log.ts";
import type { Erased, Wake, WakeAnswer } from "./rpc.ts";

/** Everything a log needs from outside; the object gives the platform's, the simulation its own. */
export interface LogDeps {
  readonly sql: Sql;
  readonly topic: string;
  readonly partition: number;
  /** Unix milliseconds. */
  now(): number;
  /** A new log tag: a random number below 2^40. */
  newTag(): number;
  /** Runs after this time, and after everything that has already arrived (a microtask would not group requests). */
  defer(run: () => void, milliseconds: number): void;
  /** Sets the alarm unless an earlier one is pending. Synchronous: it belongs to the commit around it. */
  alarm(at: number): void;
  /** Work that goes on after the answer. */
  background(work: Promise<void>): void;
  wake(subscription: string, wake: Wake): Promise<WakeAnswer>;
  /** Has a subscription settle all it has not up to this offset, as dead letters `expired`. Throws when unreachable. */
  expire(subscription: string, through: number): Promise<void>;
  /** Tells a subscription that events up to this offset expire before long. Throws when it must be told again. */
  expiring(subscription: string, through: number): Promise<void>;
  /** Has a subscription forget payloads. Throws when unreachable. */
  erased(subscription: string, erased: Erased): Promise<void>;
  /** Appends an operational event to the tenant's `sluice.events`. Throws when that has to be tried again. */
  publish(event: OperationalEvent): Promise<void>;
  /** Ends a subscription whose topic was deleted. Throws when it could not be reached. */
  removeSubscription(id: string): Promise<void>;
  log(event: string, fields: LogFields): void;
}
