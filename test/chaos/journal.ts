import type { Arrival } from "./endpoint.ts";
import type { KillKind, SubscriptionPlan } from "./plan.ts";
import { UnderWay } from "./under-way.ts";

/** Something that was asked of the gateway. `answered` is null when the answer never came: perhaps it was done. */
export interface Asked {
  /** Unix milliseconds, with fractions: all of a run are from one clock. */
  readonly asked: number;
  /** When its outcome was sure: the answer, or the moment after which nothing of it can happen any more. */
  readonly done: number;
  readonly status: number | null;
}

export interface PostedEvent {
  /** Stands in its data, and nowhere else. */
  readonly marker: string;
  readonly type: string;
  readonly key: string | null;
  /** The very text of its data. */
  readonly data: string;
  readonly idempotencyKey: string | null;
}

export interface Appended {
  readonly id: string;
  readonly offset: number;
  readonly duplicate: boolean;
}

export interface Try extends Asked {
  readonly answer: readonly Appended[] | null;
  readonly code: string | null;
}

/** One request body, sent once or several times. */
export interface Post {
  readonly tenant: string;
  readonly topic: string;
  readonly kind: "good" | "conflict" | "bad";
  readonly note: string;
  readonly events: readonly PostedEvent[];
  /** `Idempotency-Key` of the request. */
  readonly requestKey: string | null;
  readonly contentType: string;
  readonly body: string;
  readonly tries: Try[];
}

export interface Filter {
  readonly types: readonly string[];
  /** `data.n` is at least this; null = any. */
  readonly atLeast: number | null;
}

export interface FilterChange extends Asked {
  readonly filter: Filter;
}

export interface KnownSecret {
  readonly secret: string;
  /** May sign from here, must sign from `sure` on. */
  readonly from: number;
  readonly sure: number;
  /** Must not sign any more from here on; Infinity while it is the newest. May stop at `mayEnd`. */
  until: number;
  mayEnd: number;
}

export interface Seek extends Asked {
  /** First event delivered after it, as answered; null when nobody knows. */
  readonly to: number | null;
  readonly from: number | null;
}

export interface ByHand extends Asked {
  readonly eventId: string;
}

export interface Redrive extends Asked {
  /** null = all. */
  readonly eventIds: readonly string[] | null;
  readonly redriven: number | null;
}

/** A span in which nothing may start: from the 2xx of pause or DELETE until somebody asks for a resume. */
export interface Stop {
  readonly why: "pause" | "delete";
  readonly from: number;
  until: number;
}

/** The life of one subscription, from its creation to its deletion. */
export interface SubscriptionRecord {
  readonly plan: SubscriptionPlan;
  readonly id: string;
  readonly created: Asked;
  readonly start: "latest" | "earliest";
  /** First answer that never came but asked for a deletion; null = nobody wanted it gone. */
  deleteAsked: number | null;
  deleted: boolean;
  readonly filters: FilterChange[];
  readonly secrets: KnownSecret[];
  /** A rotation whose answer never came: a secret nobody knows may sign. */
  readonly unknownSecrets: { from: number; until: number }[];
  readonly headerValues: string[];
  readonly stops: Stop[];
  readonly resumes: Asked[];
  readonly seeks: Seek[];
  readonly retries: ByHand[];
  readonly cancels: ByHand[];
  readonly redrives: Redrive[];
}

export interface KillRecord {
  readonly kind: KillKind;
  readonly note: string;
  /** When the signal was sent. */
  readonly at: number;
  /** Healthy again. */
  upAt: number;
  /** From the start of the process to its first healthy answer; null where it was killed while starting. */
  startMilliseconds: number | null;
}

/** An answer of the API, kept to be searched. */
export interface Exchange {
  readonly tenant: string | null;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly text: string;
  readonly asked: number;
  readonly answered: number;
}

export interface Samples {
  readonly ackMilliseconds: number[];
  readonly receiptMilliseconds: number[];
}

/** Everything that was seen from outside, written as it happens. */
export class Journal {
  readonly posts: Post[] = [];
  readonly subscriptions: SubscriptionRecord[] = [];
  readonly arrivals: Arrival[] = [];
  readonly kills: KillRecord[] = [];
  readonly exchanges: Exchange[] = [];
  /** Header values, root and encryption keys: never to be seen in an answer or a log line. */
  readonly neverShown = new Set<string>();
  /** Shown in the answer that made them, and never again. */
  readonly shownOnce = new Set<string>();
  readonly logLines: string[] = [];
  /** What the harness itself did not expect: neither right nor wrong, but worth a look. */
  readonly remarks: string[] = [];
  readonly underWay = new UnderWay();
}

/** Unix milliseconds with fractions, monotone within a run. */
export const now = (): number => performance.timeOrigin + performance.now();
