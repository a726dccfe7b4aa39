/**
 * The pattern language of filters, a JSON dialect that Hookdeck, Outpost and Convoy share. A pattern is
 *
 * - a scalar: equal to the value, type included, or an element of the value where that is an array;
 * - an array: the value is an array in which each entry of the pattern matches some element;
 * - an object: every member of it holds. A name beginning with `$` is an operator on the value itself, arrays as a
 *   whole; other names are members of the value, or of some one element of it where the value is an array of objects.
 *
 * A missing member (undefined here) matches nothing but `$exist: false` and `$not`. An operator on a value of a type it
 * does not work on matches nothing, `$nin` included. Only own members count: `constructor` is no member of anybody.
 */
export type Matcher = (value: unknown) => boolean;

type Scalar = string | number | boolean | null;

const OPERATORS: ReadonlyMap<string, (operand: unknown) => Matcher> = new Map<string, (operand: unknown) => Matcher>([
  ["$eq", (operand) => (value) => deepEqual(operand, value)],
  ["$ne", notEqual],
  ["$neq", notEqual],
  ["$gt", ordered((order) => order > 0)],
  ["$gte", ordered((order) => order >= 0)],
  ["$lt", ordered((order) => order < 0)],
  ["$lte", ordered((order) => order <= 0)],
  ["$in", (operand) => contained(operand, true)],
  ["$nin", (operand) => contained(operand, false)],
  ["$exist", (operand) => (value) => (value !== undefined) === operand],
  ["$startsWith", affix((text, part) => text.startsWith(part))],
  ["$endsWith", affix((text, part) => text.endsWith(part))],
  ["$or", (operand) => either(list(operand).map(compilePattern))],
  ["$and", (operand) => all(list(operand).map(compilePattern))],
  ["$not", (operand) => not(compilePattern(operand))],
]);

export const OPERATOR_NAMES: readonly string[] = [...OPERATORS.keys()];

/** The pattern as a function of a value (undefined: missing). Throws for an unknown operator: check it first. */
export function compilePattern(pattern: unknown): Matcher {
  if (isScalar(pattern)) return (value) => value === pattern || (Array.isArray(value) && value.includes(pattern));
  if (Array.isArray(pattern)) return compileArray(pattern);
  const parts = Object.entries(Object(pattern));
  const operators = parts
    .filter(([name]) => name.startsWith("$"))
    .map(([name, operand]) => compileOperator(name, operand));
  const members = parts
    .filter(([name]) => !name.startsWith("$"))
    .map(([name, part]): readonly [string, Matcher] => [name, compilePattern(part)]);
  if (operators.length === 0) return compileMembers(members);
  return all(members.length === 0 ? operators : [...operators, compileMembers(members)]);
}

function compileOperator(name: string, operand: unknown): Matcher {
  const compile = OPERATORS.get(name);
  if (compile === undefined) throw new Error(`unknown filter operator ${name}`);
  return compile(operand);
}

function compileMembers(members: readonly (readonly [string, Matcher])[]): Matcher {
  const parts = members.map(([name, matches]) => ({ read: ownMember(name), matches }));
  const matchesObject = (value: unknown): boolean => {
    if (!isRecord(value)) return false;
    for (const { read, matches } of parts) if (!matches(read(value))) return false;
    return true;
  };
  return (value) => (Array.isArray(value) ? value.some(matchesObject) : matchesObject(value));
}

function compileArray(entries: readonly unknown[]): Matcher {
  const scalars = entries.filter(isScalar);
  const others = entries.filter((entry) => !isScalar(entry)).map(compilePattern);
  return (value) => {
    if (!Array.isArray(value)) return false;
    if (scalars.length > 0) {
      // A set: entries times elements would be minutes for a large filter over a large array.
      const elements = new Set<unknown>(value);
      if (!scalars.every((scalar) => elements.has(scalar))) return false;
    }
    return others.every((matches) => value.some(matches));
  };
}

function notEqual(operand: unknown): Matcher {
  return (value) => value !== undefined && !deepEqual(operand, value);
}

/** Numbers with numbers, strings with strings (by UTF-16 code units, as RFC 3339 UTC times sort too). */
function ordered(holds: (order: number) => boolean): (operand: unknown) => Matcher {
  return (operand) => (value) => {
    if (typeof operand === "number" && typeof value === "number")
      return holds(operand === value ? 0 : value > operand ? 1 : -1);
    if (typeof operand === "string" && typeof value === "string")
      return holds(operand === value ? 0 : value > operand ? 1 : -1);
    return false;
  };
}

/** `$in` (wanted) and `$nin`: a scalar is in a list; a scalar is an element of an array, or a text part of a text. */
function contained(operand: unknown, wanted: boolean): Matcher {
  if (Array.isArray(operand)) {
    const entries = new Set<unknown>(operand);
    return (value) => isScalar(value) && entries.has(value) === wanted;
  }
  return (value) => {
    if (Array.isArray(value)) return value.includes(operand) === wanted;
    return typeof value === "string" && typeof operand === "string" && value.includes(operand) === wanted;
  };
}

function affix(holds: (text: string, part: string) => boolean): (operand: unknown) => Matcher {
  return (operand) => {
    const parts = (Array.isArray(operand) ? operand : [operand]).filter((part) => typeof part === "string");
    return (value) => typeof value === "string" && parts.some((part) => holds(value, part));
  };
}

const all =
  (matchers: readonly Matcher[]): Matcher =>
  (value) =>
    matchers.every((matches) => matches(value));

const either =
  (matchers: readonly Matcher[]): Matcher =>
  (value) =>
    matchers.some((matches) => matches(value));

const not =
  (matches: Matcher): Matcher =>
  (value) =>
    !matches(value);

const list = (operand: unknown): readonly unknown[] => (Array.isArray(operand) ? operand : []);

export const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";

/** Reads an own member of that name: only some names are those of inherited ones too, and need a look first. */
function ownMember(name: string): (value: Readonly<Record<string, unknown>>) => unknown {
  if (!(name in Object.prototype)) return (value) => value[name];
  return (value) => (Object.hasOwn(value, name) ? value[name] : undefined);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Equality of JSON values: the order of members does not count, that of elements does. No deeper than the operand is. */
function deepEqual(operand: unknown, value: unknown): boolean {
  if (isScalar(operand) || isScalar(value) || value === undefined) return operand === value;
  if (Array.isArray(operand) || Array.isArray(value)) {
    return (
      Array.isArray(operand) &&
      Array.isArray(value) &&
      operand.length === value.length &&
      operand.every((element, index) => deepEqual(element, value[index]))
    );
  }
  const members = Object.entries(Object(operand));
  const object = Object(value);
  return (
    members.length === Object.keys(object).length &&
    members.every(([name, member]) => Object.hasOwn(object, name) && deepEqual(member, object[name]))
  );
}
