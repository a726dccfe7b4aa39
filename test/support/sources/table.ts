import type { HmacOptions } from "../../../src/core/source-options.ts";

/** A request that is to be signed. */
export interface Signing {
  readonly secret: string;
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly url: string;
  /** The time as it will stand in the request: Unix seconds, or nonsense. */
  readonly time: string;
}

/** What a request says, and what is to be read in it. */
export interface ReadingCase {
  readonly title: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly contentType?: string;
  readonly body?: string;
  readonly type: string;
  readonly id: string | null;
  /** Names of the headers kept, in order. */
  readonly kept?: readonly string[];
}

/** What a provider is tested with: the same attacks for all, and what it says of its events. */
export interface SourceTable {
  /** Two that are right. */
  readonly secrets: readonly [string, string];
  readonly refusedSecrets: readonly string[];
  readonly hmac?: HmacOptions;
  /** The headers that prove a request, made with Node's own crypto. */
  readonly sign: (request: Signing) => Readonly<Record<string, string>>;
  /** The header with the proof in it; null: nothing is proven. */
  readonly proof: string | null;
  /** Whether the proof covers the body: a token and a password do not. */
  readonly coversBody: boolean;
  readonly timed: boolean;
  /** Changes of a right proof that leave it right, or not. */
  readonly proofs: readonly (readonly [title: string, change: (proof: string) => string, right: boolean])[];
  readonly readings: readonly ReadingCase[];
}

/** JSON as the body of a case. */
export const json = (value: unknown) => ({ contentType: "application/json", body: JSON.stringify(value) });
