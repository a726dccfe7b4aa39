import type { LogEvent } from "../../../src/core/event.ts";
import type { DeadLetter } from "../../../src/directory/rpc.ts";
import type { Delivery, SubscriptionView } from "../../../src/subscription/rpc.ts";
import type { Weather } from "./faults.ts";
import type { Journal, SubscriptionRecord } from "./journal.ts";
import type { World } from "./world.ts";

/** A subscription as it stands when all is quiet. */
export interface Standing {
  readonly record: SubscriptionRecord;
  readonly view: SubscriptionView;
  /** The first offset it was registered for. */
  readonly start: number;
  /** Its delivery log, read in one page, ascending by offset. */
  readonly deliveries: readonly Delivery[];
  /** The same read in small pages, in the order of the pages. */
  readonly paged: readonly Delivery[];
}

/** What the checkers judge: all that was seen, and how everything stands when it is quiet. */
export interface Evidence {
  readonly world: World;
  readonly journal: Journal;
  readonly weather: Weather;
  /** The whole log. */
  readonly log: readonly LogEvent[];
  readonly standing: ReadonlyMap<string, Standing>;
  /** Names in the tenant's directory. */
  readonly named: ReadonlySet<string>;
  /** Subscriptions that the log knows. */
  readonly registered: ReadonlySet<string>;
  readonly deadLetters: readonly DeadLetter[];
}

/** One invariant. `check` says what is wrong, and returns how many single things it looked at. */
export interface Checker {
  /** As in docs/INVARIANTS.md. */
  readonly invariant: string;
  check(evidence: Evidence, violation: (what: string) => void): number;
}
