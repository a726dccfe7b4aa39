/**
 * The keywords of JSON Schema 2020-12 by what stands under them. Those that are in no table assert nothing (titles,
 * `format`, content, a keyword nobody knows): they are passed over.
 */

/** One schema. */
export const SCHEMA_KEYWORDS: ReadonlySet<string> = new Set([
  ...["additionalProperties", "propertyNames", "unevaluatedProperties"],
  ...["items", "contains", "unevaluatedItems"],
  ...["not", "if", "then", "else"],
]);

/** A list of schemas, one or more. */
export const SCHEMA_LIST_KEYWORDS: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);

/** Schemas by name. `definitions` is what `$defs` was called before, and still understood. */
export const SCHEMA_MAP_KEYWORDS: ReadonlySet<string> = new Set([
  ...["$defs", "definitions"],
  ...["properties", "patternProperties", "dependentSchemas"],
]);

/** Any JSON: one value, or a list of them. */
export const VALUE_KEYWORDS: ReadonlySet<string> = new Set(["const", "enum"]);

export const ANCHOR_KEYWORDS: ReadonlySet<string> = new Set(["$anchor", "$dynamicAnchor"]);

export const REFERENCE_KEYWORDS: ReadonlySet<string> = new Set(["$ref", "$dynamicRef"]);

/** Members by which a schema names itself or another: in a value they would be taken for that. */
export const IDENTIFYING: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$vocabulary"],
  ...ANCHOR_KEYWORDS,
  ...REFERENCE_KEYWORDS,
]);

const TYPES: readonly unknown[] = ["null", "boolean", "object", "array", "number", "string", "integer"];

/** `null` = fine, else what it must be: the end of the sentence "#/... must be". */
type Rule = (value: unknown) => string | null;

const rule =
  (holds: (value: unknown) => boolean, otherwise: string): Rule =>
  (value) =>
    holds(value) ? null : otherwise;

const isDistinct = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

const isStringList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === "string") && isDistinct(value);

const isType = (value: unknown): boolean =>
  TYPES.includes(value) ||
  (Array.isArray(value) && value.length > 0 && value.every((one) => TYPES.includes(one)) && isDistinct(value));

const aNumber = rule((value) => typeof value === "number", "a number");
const aCount = rule(
  (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0,
  "a whole number, 0 or more",
);

/** What stands under a keyword that asserts something by itself. */
export const ASSERTIONS: ReadonlyMap<string, Rule> = new Map([
  ["type", rule(isType, "a type of JSON Schema, or a list of different ones")],
  ["const", () => null],
  ["enum", rule(Array.isArray, "a list")],
  ["maximum", aNumber],
  ["minimum", aNumber],
  ["exclusiveMaximum", aNumber],
  ["exclusiveMinimum", aNumber],
  ["multipleOf", rule((value) => typeof value === "number" && value > 0, "a number above 0")],
  ["maxLength", aCount],
  ["minLength", aCount],
  ["maxItems", aCount],
  ["minItems", aCount],
  ["maxContains", aCount],
  ["minContains", aCount],
  ["maxProperties", aCount],
  ["minProperties", aCount],
  ["uniqueItems", rule((value) => typeof value === "boolean", "true or false")],
  ["pattern", rule((value) => typeof value === "string", "a string")],
  ["required", rule(isStringList, "a list of different strings")],
  [
    "dependentRequired",
    rule(
      (value) =>
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        Object.values(value).every(isStringList),
      "an object whose values are lists of different strings",
    ),
  ],
]);
