import type { OutputUnit } from "@hyperjump/json-schema";
import { BASIC, buildSchemaDocument, compile, getSchema, interpret } from "@hyperjump/json-schema/experimental";
import * as Instance from "@hyperjump/json-schema/instance/experimental";
import { SCHEMA_ERRORS_MAX, SCHEMA_VALUES_MAX } from "./limits.ts";
import { type Json, type JsonSchema, SCHEMA_DIALECT } from "./schema-check.ts";
import { counting } from "./schema-dialect.ts";
import { spending, TooMuchWork, type Work } from "./schema-work.ts";

/** What of the data breaks which rule of the schema. */
export interface Violation {
  /** Into the data. */
  readonly path: readonly string[];
  /** The end of a sentence: names the rule, and never a value. */
  readonly detail: string;
}

export type SchemaValidator = (data: unknown, work: Work) => readonly Violation[];

/** Schemas are not known to each other, so they may all have the same name; nothing is ever fetched from it. */
const URI = "https://schema.invalid/";
/** Longest name of a member repeated in an error. */
const NAME_MAX_CHARACTERS = 64;
/** What the library says of a value for which the whole schema is `false`. */
const FALSE_SCHEMA = "https://json-schema.org/evaluation/validate";

/** Of a schema that checkSchema accepted. Asynchronous because of the library; nothing is waited for. */
export async function compileSchema(schema: JsonSchema): Promise<SchemaValidator> {
  const document = buildSchemaDocument(schema, URI, SCHEMA_DIALECT);
  // A cache of its own instead of the library's registry: no schema is known to another.
  const browser = { uri: URI, document, cursor: "", _cache: { [URI]: document } };
  const compiled = await compile(await getSchema(URI, browser));
  return (data, work) => {
    if (!isJsonWithin(data, SCHEMA_VALUES_MAX)) {
      return [{ path: [], detail: `has more than ${SCHEMA_VALUES_MAX} values, too many to be checked by the schema` }];
    }
    try {
      const instance = Instance.fromJs(data);
      if (spending(work, () => interpret(compiled, instance, { plugins: [counting] })).valid) return [];
      const told = spending(work, () => interpret(compiled, instance, { outputFormat: BASIC, plugins: [counting] }));
      return told.valid ? [] : violations(told.errors ?? [], schema, data);
    } catch (thrown) {
      // A schema that leads back to itself without going deeper into the data ends on the stack.
      if (!(thrown instanceof TooMuchWork || thrown instanceof RangeError)) throw thrown;
      return [{ path: [], detail: "takes too much work to be checked by the schema" }];
    }
  };
}

/** Those of the assertions; what only passes on that something inside it is wrong is left out by the library. */
function violations(units: readonly OutputUnit[], schema: unknown, data: unknown): readonly Violation[] {
  return units.slice(0, SCHEMA_ERRORS_MAX).map(({ keyword, absoluteKeywordLocation, instanceLocation }) => {
    const location = absoluteKeywordLocation.slice(absoluteKeywordLocation.indexOf("#"));
    const path = stepsOf(instanceLocation);
    if (keyword === FALSE_SCHEMA) return { path, detail: `is not allowed by \`false\` at ${location} of the schema` };
    const name = location.slice(location.lastIndexOf("/") + 1);
    const missing = name === "required" ? firstMissing(at(schema, stepsOf(location)), at(data, path)) : null;
    const lacks = missing === null ? "" : `has no member ${missing}, and so `;
    return { path, detail: `${lacks}breaks the rule \`${name}\` at ${location} of the schema` };
  });
}

/** The first that is not there, as JSON text; a very long name is cut off. The name is the schema's, not the data's. */
function firstMissing(names: unknown, value: unknown): string | null {
  if (!Array.isArray(names) || typeof value !== "object" || value === null) return null;
  const missing: unknown = names.find((name) => !Object.hasOwn(value, String(name)));
  return missing === undefined ? null : JSON.stringify(String(missing).slice(0, NAME_MAX_CHARACTERS));
}

/** What stands at a place; undefined: nothing. */
const at = (whole: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (value, step) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined,
    whole,
  );

/** The steps of a pointer that is a URI fragment. */
const stepsOf = (fragment: string): string[] =>
  fragment
    .slice(fragment.indexOf("#") + 1)
    .split("/")
    .slice(1)
    .map((step) => decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~"));

/** Whether this is JSON of at most so many values. */
function isJsonWithin(whole: unknown, limit: number): whole is Json {
  let values = 0;
  const isWithin = (value: unknown): boolean => {
    values += 1;
    if (values > limit) return false;
    if (typeof value !== "object") return value !== undefined;
    return value === null || Object.values(value).every(isWithin);
  };
  return isWithin(whole);
}
