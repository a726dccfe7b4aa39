/** What the harness and its two helper processes (load, subscriber) say to each other. */

export type LoadCommand =
  | {
      readonly kind: "blast";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly connections: number;
      /** One of the two. */
      readonly seconds?: number;
      readonly requests?: number;
      /** A fresh idempotency key with each request. */
      readonly keyed?: boolean;
    }
  | {
      readonly kind: "pace";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly perSecond: number;
      readonly requests: number;
    };

export interface LoadAnswer {
  /** Answered with 2xx. */
  readonly requests: number;
  readonly refused: number;
  readonly seconds: number;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
}

export type SubscriberCommand =
  | { readonly kind: "port" }
  /** Resolves when so many events have arrived on the channel since it was cleared. */
  | { readonly kind: "until"; readonly channel: string; readonly events: number }
  | { readonly kind: "count"; readonly channel: string }
  | { readonly kind: "clear"; readonly channel: string; readonly failShare?: number }
  | { readonly kind: "latencies"; readonly channel: string };

export interface SubscriberAnswer {
  readonly port?: number;
  readonly events?: number;
  /** hrtime of the newest arrival, milliseconds. */
  readonly lastAtMilliseconds?: number;
  readonly latenciesMilliseconds?: readonly number[];
}

export interface Envelope<T> {
  readonly id: number;
  readonly body: T;
}

/** An event that says when it was sent, by the clock that all processes of a machine share. */
export const stampedEvent = (): string =>
  `{"type":"order.created","data":{"order":"ord_81234","amount":4200,"sentAt":"${process.hrtime.bigint()}"}}`;
