import type { Problem } from "../../../src/core/errors.ts";
import type { AppendedEvent, AppendRequest, LogEvent } from "../../../src/core/event.ts";
import type { Filter } from "../../../src/core/filter.ts";
import type { Result } from "../../../src/core/result.ts";
import type { DeadLetter } from "../../../src/directory/rpc.ts";
import type { Part, Send, SendResult, SubscriptionConfig } from "../../../src/subscription/rpc.ts";
import type { Start } from "../../../src/topic-log/rpc.ts";

/** A point in a schedule: the step orders what happened, the time says when. */
export interface Moment {
  readonly step: number;
  readonly at: number;
}

/** One try of a client to have something done; `answered` stays null while (or if ever) the outcome is unknown. */
export interface Try<T> {
  readonly asked: Moment;
  answered: (Moment & { readonly value: T }) | null;
  /** The connection broke: it may have been done or not. */
  broken: Moment | null;
}

export interface Post {
  readonly request: AppendRequest;
  /** Another post under the same key with other bytes. */
  readonly conflicting: boolean;
  readonly tries: Try<Result<readonly AppendedEvent[], Problem>>[];
}

/** A change that a client asked for and that was done, perhaps, somewhere between the first asking and the answer. */
export interface Change<T> {
  readonly value: T;
  readonly asked: Moment;
  readonly done: Moment | null;
}

export interface SubscriptionRecord {
  readonly config: SubscriptionConfig;
  readonly start: Start;
  readonly creation: Try<boolean>;
  readonly filters: Change<Filter>[];
  readonly orderings: Change<SubscriptionConfig["ordering"]>[];
  /** Pauses and deletions by the moment of their 2xx, until somebody asks for a resume. */
  readonly stops: { readonly from: Moment; until: Moment | null }[];
  readonly resumes: Change<null>[];
  deleteAsked: Moment | null;
  readonly retries: (Change<string> & { readonly accepted: boolean })[];
  readonly cancels: (Change<string> & { readonly accepted: boolean })[];
  /** The first offset that comes again, or next; null where nobody knows. */
  readonly seeks: Change<number | null>[];
}

/** A request to a subscriber. */
export interface RequestRecord {
  readonly send: Send;
  readonly part: Part;
  readonly deliverer: string;
  readonly started: Moment;
  reached: boolean;
  /** What the subscriber did; null: nothing (yet). */
  answer: (Moment & { readonly status: number }) | null;
  /** What the deliverer made of it. */
  result: SendResult | null;
  /** When the deliverer knew. */
  ended: Moment | null;
  /** When the subscription had confirmed the report of it. */
  reported: Moment | null;
}

/** Everything that can be seen from outside, in the order in which it happened. The checkers judge by it. */
export class Journal {
  readonly posts: Post[] = [];
  /** What the log held when somebody last looked, by offset: retention may have dropped it since. */
  readonly archive = new Map<number, LogEvent>();
  readonly subscriptions = new Map<string, SubscriptionRecord>();
  readonly requests: RequestRecord[] = [];
  /** Every dead letter that was ever reported, those too that somebody dealt with since. */
  readonly letters: DeadLetter[] = [];
  readonly requestsByAttempt = new Map<string, RequestRecord>();
  /** Violations seen while the schedule ran, `invariant: what`. */
  readonly violations: string[] = [];
}
