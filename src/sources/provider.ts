import type { HmacOptions } from "../core/source-options.ts";
import type { Content } from "./content.ts";

/** A request to `/in`, as far as providers look at it. */
export interface Incoming {
  /** The body as it came. */
  readonly bytes: Uint8Array;
  readonly headers: Pick<Headers, "get" | "forEach">;
  readonly content: Content;
  /** The URL as the sender addressed it, query included. */
  readonly url: string;
}

export interface Credentials {
  readonly secrets: readonly string[];
  readonly hmac: HmacOptions | null;
}

/** Why a request is refused. `timestamp`: it is genuine, but was signed too long ago, or in the future. */
export type Refusal = "missing" | "malformed" | "mismatch" | "timestamp";

/**
 * Somebody who sends webhooks. A new one is a file with this in it, a line in registry.ts, and a table of tests. Names of
 * headers are in lower case.
 */
export interface Provider {
  /** Whether it signs at all. */
  readonly signs: boolean;
  /** How a secret of it looks, as the end of a sentence; null where this one does. */
  refusedSecret(secret: string): string | null;
  /** null: it is genuine. Any of the secrets will do. Pure, but for WebCrypto. */
  verify(incoming: Incoming, credentials: Credentials, nowSeconds: number): Promise<Refusal | null>;
  /** What happened, in the provider's own words; null: it does not say. */
  eventName(incoming: Incoming): string | null;
  /** What a repeat has in common with the first delivery; null: nothing. */
  deliveryId(incoming: Incoming): string | null;
  /** Whether a header of the request is kept with the event. */
  keeps(header: string): boolean;
  /** What it wants to hear when all went well: text/plain. null: 202 with id and offset. */
  readonly accepted: { readonly status: number; readonly text: string } | null;
  /** A question that is answered at once and not appended; null: this is an event. */
  answerTo?(incoming: Incoming): string | null;
}

/** Of a provider whose secrets are text of its own making. */
export const anySecret = (): null => null;

/** Any of these beginnings. */
export const beginsWith =
  (...prefixes: readonly string[]) =>
  (header: string): boolean =>
    prefixes.some((prefix) => header.startsWith(prefix));
