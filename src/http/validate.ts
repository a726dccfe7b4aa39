import * as v from "valibot";
import { type Problem, problem } from "../core/errors.ts";
import { jsonPointer } from "../core/json-pointer.ts";
import { err, ok, type Result } from "../core/result.ts";

/** Where a document is wrong, and how. `detail` continues the sentence that the pointer begins. */
export interface Fault {
  /** RFC 6901 as a URI fragment; `#` is the document itself. */
  readonly pointer: string;
  readonly detail: string;
}

/** Faults of one answer: enough to see what is wrong. */
const FAULTS_MAX = 20;

/** `invalid` (422), naming the first fault in its detail and listing them. */
export function invalidDocument(faults: readonly Fault[]): Problem {
  const [first] = faults;
  const detail =
    first === undefined ? "The document is invalid." : `${first.pointer} ${first.detail}`.replace(/\.?$/, ".");
  return problem("invalid", detail, { errors: faults.slice(0, FAULTS_MAX) });
}

/** The document as the schema gives it. Schemas name their rules themselves: valibot's own messages repeat values. */
export function validate<S extends v.GenericSchema>(schema: S, document: unknown): Result<v.InferOutput<S>, Problem> {
  const parsed = v.safeParse(schema, document);
  return parsed.success ? ok(parsed.output) : err(invalidDocument(parsed.issues.map(toFault)));
}

function toFault(issue: v.BaseIssue<unknown>): Fault {
  const path = (issue.path ?? []).map((item) => (typeof item.key === "number" ? item.key : String(item.key)));
  // Only a missing member is reported by the object itself.
  const missing = issue.type === "object" && path.length > 0;
  return { pointer: jsonPointer(path), detail: missing ? "is missing" : issue.message };
}

/**
 * An object with these members and no others. Names are compared as own members: an object asked with `in` would also
 * know `constructor` and `__proto__`. `refusals` says more about some names that are not accepted.
 */
export const members = <E extends v.ObjectEntries>(entries: E, refusals: Readonly<Record<string, string>> = {}) =>
  v.pipe(
    v.custom<Record<string, unknown>>(isObject, "must be an object"),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const [key, value] of Object.entries(dataset.value)) {
        if (Object.hasOwn(entries, key)) continue;
        const message = Object.hasOwn(refusals, key) ? (refusals[key] ?? "") : "is not known here";
        addIssue({ message, path: [{ type: "object", origin: "key", input: dataset.value, key, value }] });
      }
    }),
    v.object(entries),
  );

/** A whole number of min..max. */
export const wholeNumber = (min: number, max: number) =>
  v.custom<number>(
    (value) => typeof value === "number" && Number.isInteger(value) && value >= min && value <= max,
    `must be a whole number, ${min} to ${max}`,
  );

/** A number of min..max, fractions allowed. */
export const fraction = (min: number, max: number) =>
  v.custom<number>(
    (value) => typeof value === "number" && value >= min && value <= max,
    `must be a number, ${min} to ${max}`,
  );

/** Text for people: at most so many characters, and no half of a surrogate pair, which cannot be stored as UTF-8. */
export const prose = (maxCharacters: number) =>
  v.custom<string>(
    (value) => typeof value === "string" && value.length <= maxCharacters && value.isWellFormed(),
    `must be a string of ${maxCharacters} characters or fewer`,
  );

export const anyString = v.string("must be a string");

export const bool = v.boolean("must be true or false");

/** A member of the contract that this gateway does not offer: only the value that means "not used" is accepted. */
export const notAvailable = <T extends string | null>(unused: T) =>
  v.optional(
    v.custom<T>((value) => value === unused, "is not available yet; leave it out"),
    unused,
  );

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
