import { checkMatch, type FilterError } from "./filter-check.ts";
import { compilePattern } from "./filter-pattern.ts";
import { jsonPointer } from "./json-pointer.ts";
import { FILTER_MAX_BYTES, FILTER_TYPES_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import { compileTypePatterns, isTypePattern, TYPE_PATTERN_RULE } from "./type-pattern.ts";

export type { FilterError };

/** Which events a subscription gets: those whose type matches one of `types` (none given: any) and that `match` matches. */
export interface Filter {
  readonly types: readonly string[];
  /** A pattern over {type, key, source, subject, data}; `{}` matches every event. See filter-pattern.ts. */
  readonly match: unknown;
}

/** What a filter sees of an event. */
export interface FilterInput {
  readonly type: string;
  readonly key: string | null;
  readonly source: string | null;
  readonly subject: string | null;
  /** The parsed data, undefined where it is no JSON. Called at most once a run, and only if the filter asks for data. */
  readonly data: () => unknown;
  /** There is no data any more: what a filter would find out only from it does not match. */
  readonly erased?: true;
}

/**
 * Reads a filter a user gave. Absent or null stands for the filter that matches everything, and so do its members.
 * Errors point into the body that holds the filter at `base`.
 */
export function parseFilter(value: unknown, base = "#"): Result<Filter, readonly FilterError[]> {
  if (value === undefined || value === null) return ok({ types: [], match: {} });
  if (typeof value !== "object" || Array.isArray(value)) {
    return err([{ pointer: base, detail: "A filter is an object with `types` and `match`." }]);
  }
  const members = new Map<string, unknown>(Object.entries(value));
  const types = members.get("types") ?? [];
  const match = members.get("match") ?? {};
  const errors = [
    ...unknownMembers(members.keys(), base),
    ...checkTypes(types, base),
    ...checkMatch(match, jsonPointer(["match"], base)),
  ];
  if (new TextEncoder().encode(JSON.stringify(value)).byteLength > FILTER_MAX_BYTES) {
    errors.push({ pointer: base, detail: `A filter has at most ${FILTER_MAX_BYTES} bytes as JSON.` });
  }
  return errors.length > 0 ? err(errors) : ok({ types: strings(types), match });
}

/** The filter as a function. Only for a filter that parseFilter accepted; what the result does is decided here once. */
export function compileFilter(filter: Filter): (event: FilterInput) => boolean {
  const matchesType = compileTypePatterns(filter.types);
  const matches = matchesAll(filter.match) ? null : compilePattern(filter.match);
  return (event) => {
    if (!matchesType(event.type)) return false;
    if (matches === null) return true;
    return event.erased === true ? matchesWithoutData(matches, event) : matches(rootOf(event));
  };
}

/**
 * Whether an event matches whatever its data was. So an erased event matches what it matched before, or less: where a
 * subscription has gone past, nothing appears later.
 */
function matchesWithoutData(matches: (root: unknown) => boolean, event: FilterInput): boolean {
  let asked = false;
  const data = () => {
    asked = true;
    return undefined;
  };
  return matches(root({ ...event, data })) && !asked;
}

const matchesAll = (match: unknown): boolean =>
  typeof match === "object" && match !== null && Object.keys(match).length === 0;

const roots = new WeakMap<FilterInput, object>();

function rootOf(event: FilterInput): object {
  const known = roots.get(event) ?? root(event);
  roots.set(event, known);
  return known;
}

/** The object a pattern sees. What an event does not have is no member at all, so that `$exist` tells the difference. */
function root(event: FilterInput): object {
  let data: { readonly value: unknown } | null = null;
  return {
    type: event.type,
    key: event.key ?? undefined,
    source: event.source ?? undefined,
    subject: event.subject ?? undefined,
    get data() {
      data ??= { value: event.data() };
      return data.value;
    },
  };
}

function unknownMembers(names: Iterable<string>, base: string): FilterError[] {
  return [...names]
    .filter((name) => name !== "types" && name !== "match")
    .map((name) => ({
      pointer: jsonPointer([name], base),
      detail: "A filter has the members `types` and `match` only.",
    }));
}

function checkTypes(types: unknown, base: string): FilterError[] {
  if (!Array.isArray(types) || types.length > FILTER_TYPES_MAX) {
    return [
      {
        pointer: jsonPointer(["types"], base),
        detail: `\`types\` is an array of at most ${FILTER_TYPES_MAX} type patterns.`,
      },
    ];
  }
  return types.flatMap((type: unknown, index) =>
    typeof type === "string" && isTypePattern(type)
      ? []
      : [{ pointer: jsonPointer(["types", index], base), detail: `A type pattern ${TYPE_PATTERN_RULE}.` }],
  );
}

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === "string") : [];
