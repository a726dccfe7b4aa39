import type { OperationalEvent } from "../core/operational-event.ts";
import type { DeadLetter, LetterIdentity } from "../directory/rpc.ts";
import type { Start } from "../topic-log/rpc.ts";
import type { Attempt, AttemptErrorCode, Health, RedriveProgress, Trigger } from "./rpc.ts";

/** What the object remembers beside its configuration. One JSON text in one row: rewritten only when it changes. */
export interface Runtime {
  phase: "creating" | "live" | "deleted";
  state: "active" | "paused" | "disabled";
  disabledReason: string | null;
  filterVersion: number;
  /** Asked for at creation. */
  start: Start;
  /** First offset of the present run (start, or last seek): `sluice-previous-offset` is never below it. */
  floor: number;
  /** The cursor as of this row; a lease row may know a later one. */
  cursor: number;
  lastMatched: number;
  health: Health;
  /** Failed probes of the present hold. */
  probes: number;
  /** The offset probed last: probes rotate. */
  probed: number;
  /** Holes made before this are due at once: the hold has ended. */
  reopenedAt: number;
  /** A 429 asked for no new leases until then; 0 = nobody did. */
  quietUntil: number;
  /** Lease rows before this one knew the cursor of before the last seek. */
  marksFrom: number;
  /** Offsets up to here come again by a seek; 0 = there was none. */
  soughtThrough: number;
  /** A seek skipped what was below: what is under way there is not tried again. */
  skippedBelow: number;
  redrive: RedriveProgress | null;
  /** It was said that events up to here expire soon. */
  warnedThrough: number;
}

/** An event that was tried (or leased and not sent) and is not settled. */
export interface Hole {
  readonly offset: number;
  readonly eventId: string;
  readonly type: string;
  readonly key: string | null;
  readonly previous: number;
  /** Numbers used so far: the next attempt has one more. */
  readonly attempts: number;
  /** Failures that count against the schedule since it last began. */
  readonly failures: number;
  /** Interruptions in a row. */
  readonly interruptions: number;
  /** Unix ms of the next attempt; null while it has no time of its own. */
  readonly dueAt: number | null;
  /** Brought back by a redrive, whose progress counts it. */
  readonly redriven?: true;
  /** Retried together with the others of this name (the attempt that first sent them): one outcome for all. */
  readonly batch?: string;
  /** Row of the delivery log with its first attempt, which must not be dropped before it is settled. */
  readonly row?: number;
  /** Exhausted with `hold-key`: waits for a manual retry or cancel. */
  readonly exhausted: boolean;
  readonly trigger: Trigger;
  /** When it became what it is, Unix ms. */
  readonly since: number;
  readonly last: DeadLetter["lastAttempt"];
}

/** One send in a lease row, and what came of it. Short names: this is the bulk of what is stored. */
export interface Entry {
  /** Offset. */
  readonly o: number;
  readonly id: string;
  readonly t: string;
  readonly k: string | null;
  /** Hops. */
  readonly h: number;
  /** Previous offset. */
  readonly p: number;
  /** Attempt number, and id. */
  readonly n: number;
  readonly a: string;
  readonly g: Trigger;
  /** Leased at. */
  readonly l: number;
  /** Content type of the request. */
  readonly ct: string;
  /** Headers it had because of its event, as they are shown; absent: none, or the event was erased. */
  hd?: Readonly<Record<string, string>>;
  /** Offset of the entry in this row that has the result of the batch it was sent with; absent: its own. */
  readonly m?: number;
  /** null while under way. */
  out: Attempt["outcome"];
  /** What the event came to with this attempt, if it is settled by it, or by a late report of an earlier one. */
  fin: "delivered" | "dead" | "cancelled" | null;
  r: EntryResult | null;
}

export interface EntryResult {
  /** Started at, duration in ms. */
  readonly s: number;
  readonly d: number;
  readonly c: number | null;
  readonly e: { readonly code: AttemptErrorCode; readonly message: string } | null;
  readonly b: number;
  readonly x: Attempt["response"];
}

/** What the sends of one row have in common. */
export interface LeaseContext {
  readonly url: string;
  readonly headerNames: readonly string[];
  readonly version: string;
  /** From lease to expiry: the send's deadline and time to report it. */
  readonly leaseMilliseconds: number;
  /** Of the subscription then; absent for none. */
  readonly webhookOrigin?: string;
}

/** A row of the delivery log: sends of one deliverer, one after the other, with cursor and attempts inside. */
export interface LeaseRow {
  readonly id: number;
  readonly table: number;
  readonly context: LeaseContext;
  entries: Entry[];
  /** Size of the JSON text when it was last written. */
  bytes: number;
  /** Not in storage yet. */
  fresh: boolean;
}

/** An event handed to a deliverer. */
export interface Flight {
  readonly row: LeaseRow;
  readonly entry: Entry;
  readonly deliverer: number;
  readonly expiresAt: number;
}

/** A dead letter as the subscription keeps it: with what its event needs to be sent again. */
export interface KeptLetter extends DeadLetter {
  readonly previous?: number;
  readonly row?: number;
}

/** An effect on another object that has to happen: kept until it is acknowledged. */
export type OutboxBody =
  | { readonly kind: "dead-letter"; readonly action: "add" | "remove"; readonly letter: DeadLetter }
  /** Many at once, which leave the index with the answer to the request that asked for it. */
  | { readonly kind: "remove-letters"; readonly letters: readonly LetterIdentity[] }
  /** An operational event about this subscription. */
  | {
      readonly kind: "announce";
      readonly type: Extract<OperationalEvent["type"], `subscription.${string}`>;
      readonly reason: string | null;
      /** When it happened, Unix ms. */
      readonly at: number;
    }
  /** The filter as it is when the row is sent. */
  | { readonly kind: "set-filter" }
  | { readonly kind: "unregister" }
  | { readonly kind: "leave-directory" };

export interface OutboxRow {
  readonly id: number;
  readonly body: OutboxBody;
  /** In memory only. */
  tries: number;
  nextAt: number;
}
