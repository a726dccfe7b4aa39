import type { Filter } from "./filter.ts";
import { isScalar } from "./filter-pattern.ts";

export type Scalar = string | number | boolean | null;

/**
 * Something that must be at a place of an event. A place is a path of members; where it leads through or to an array,
 * its elements are meant too, and theirs.
 */
export interface Probe {
  readonly path: readonly string[];
  readonly kind: "equals" | "begins" | "from" | "upTo" | "present";
  /** Of `present`: nothing. */
  readonly value: Scalar;
}

/** The more events a probe rules out, the higher. */
const SELECTIVITY: Readonly<Record<Probe["kind"], number>> = { equals: 4, begins: 3, from: 2, upTo: 2, present: 1 };

/** Of two of a kind the one deeper in the event rules out more; never more than one of a better kind. */
const DEPTH_WEIGHT = 100;

/** More alternatives than this are not worth the places they take. */
const ALTERNATIVES_MAX = 64;

/**
 * What every event has that the `match` of a filter matches: one probe of the list at least finds something. null where
 * there is no such list: an event without anything may match. Events that have it need not match: this is for finding
 * the filters that are worth running.
 */
export const probesOf = ({ match }: Filter): readonly Probe[] | null => ofPattern(match, []);

function ofPattern(pattern: unknown, path: readonly string[]): readonly Probe[] | null {
  if (isScalar(pattern)) return [{ path, kind: "equals", value: pattern }];
  // Each entry must match some element.
  if (Array.isArray(pattern)) return best([present(path), ...pattern.map((entry) => ofPattern(entry, path))]);
  const parts = Object.entries(Object(pattern)).map(([name, part]) =>
    name.startsWith("$") ? ofOperator(name, part, path) : ofPattern(part, [...path, name]),
  );
  // Without an operator it matches an object only, whatever is asked of its members.
  const isOperators = Object.keys(Object(pattern)).some((name) => name.startsWith("$"));
  return best(isOperators || path.length === 0 ? parts : [present(path), ...parts]);
}

function ofOperator(name: string, operand: unknown, path: readonly string[]): readonly Probe[] | null {
  switch (name) {
    case "$not":
      return null;
    case "$exist":
      return operand === true ? present(path) : null;
    case "$or":
      return anyOf(list(operand).map((part) => ofPattern(part, path)));
    case "$and":
      return best(list(operand).map((part) => ofPattern(part, path)));
    case "$eq":
      return isScalar(operand) ? [{ path, kind: "equals", value: operand }] : present(path);
    case "$in":
      return Array.isArray(operand) ? oneOf(operand, "equals", path) : present(path);
    case "$startsWith":
      return oneOf(Array.isArray(operand) ? operand : [operand], "begins", path);
    case "$gt":
    case "$gte":
      return oneOf([operand], "from", path);
    case "$lt":
    case "$lte":
      return oneOf([operand], "upTo", path);
    default:
      return present(path);
  }
}

const present = (path: readonly string[]): readonly Probe[] => [{ path, kind: "present", value: null }];

const oneOf = (values: readonly unknown[], kind: Probe["kind"], path: readonly string[]): readonly Probe[] =>
  values.length > ALTERNATIVES_MAX ? present(path) : values.filter(isScalar).map((value) => ({ path, kind, value }));

/** Of parts that must all hold, the one that rules out most. */
function best(parts: readonly (readonly Probe[] | null)[]): readonly Probe[] | null {
  let found: readonly Probe[] | null = null;
  for (const part of parts) if (part !== null && (found === null || weight(part) > weight(found))) found = part;
  return found;
}

/** Of parts of which one must hold: all of them, or nothing is known. */
function anyOf(parts: readonly (readonly Probe[] | null)[]): readonly Probe[] | null {
  const probes: Probe[] = [];
  for (const part of parts) {
    if (part === null) return null;
    probes.push(...part);
  }
  return probes.length > ALTERNATIVES_MAX ? null : probes;
}

/** A list is as good as its worst probe. true, false and null are in every other event. */
const weight = (probes: readonly Probe[]): number =>
  Math.min(
    Number.POSITIVE_INFINITY,
    ...probes.map(({ path, kind, value }) => {
      const common = kind === "equals" && (value === null || typeof value === "boolean");
      return (common ? SELECTIVITY.from : SELECTIVITY[kind]) + path.length / DEPTH_WEIGHT;
    }),
  );

const list = (operand: unknown): readonly unknown[] => (Array.isArray(operand) ? operand : []);
