import { isScalar, OPERATOR_NAMES } from "./filter-pattern.ts";
import { jsonPointer } from "./json-pointer.ts";
import { FILTER_MAX_DEPTH, FILTER_PATTERNS_MAX } from "./limits.ts";

export interface FilterError {
  /** RFC 6901, as a URI fragment. */
  readonly pointer: string;
  readonly detail: string;
}

const ROOT_MEMBERS: ReadonlySet<string> = new Set(["type", "key", "source", "subject", "data"]);

/** `null` = fine, else what it must be. */
type OperandRule = (operand: unknown) => string | null;

const isNumberOrString: OperandRule = (operand) =>
  typeof operand === "number" || typeof operand === "string" ? null : "takes a number or a string";

const isScalarOrList: OperandRule = (operand) =>
  isScalar(operand) || (Array.isArray(operand) && operand.every(isScalar))
    ? null
    : "takes a scalar or a list of scalars";

const isStringOrList: OperandRule = (operand) =>
  typeof operand === "string" || (Array.isArray(operand) && operand.every((part) => typeof part === "string"))
    ? null
    : "takes a string or a list of strings";

const isBoolean: OperandRule = (operand) => (typeof operand === "boolean" ? null : "takes true or false");

const isPatternList: OperandRule = (operand) =>
  Array.isArray(operand) && operand.length > 0 ? null : "takes a list of at least one pattern";

const isAnything: OperandRule = () => null;

const OPERAND_RULES: ReadonlyMap<string, OperandRule> = new Map([
  ["$eq", isAnything],
  ["$ne", isAnything],
  ["$neq", isAnything],
  ["$gt", isNumberOrString],
  ["$gte", isNumberOrString],
  ["$lt", isNumberOrString],
  ["$lte", isNumberOrString],
  ["$in", isScalarOrList],
  ["$nin", isScalarOrList],
  ["$exist", isBoolean],
  ["$startsWith", isStringOrList],
  ["$endsWith", isStringOrList],
  ["$or", isPatternList],
  ["$and", isPatternList],
  ["$not", isAnything],
]);

/** What is wrong with a `match` that stands at `pointer`; empty when compilePattern can take it. */
export function checkMatch(match: unknown, pointer: string): FilterError[] {
  if (!isPlainObject(match))
    return [{ pointer, detail: "`match` is an object over type, key, source, subject and data." }];
  if (depthExceeds(match, FILTER_MAX_DEPTH))
    return [{ pointer, detail: `\`match\` is nested deeper than ${FILTER_MAX_DEPTH} levels.` }];
  if (countPatterns(match) > FILTER_PATTERNS_MAX)
    return [
      { pointer, detail: `\`match\` has more than ${FILTER_PATTERNS_MAX} patterns; a list of values for $in is one.` },
    ];
  return checkPattern(match, pointer, true);
}

/**
 * What may have to be looked for in every element of an array. The scalars of an array are looked up at once, and so are
 * the values of `$in` and its like.
 */
function countPatterns(pattern: unknown): number {
  if (Array.isArray(pattern)) {
    return pattern.reduce<number>((sum, entry) => sum + (isScalar(entry) ? 0 : countPatterns(entry)), 1);
  }
  if (!isPlainObject(pattern)) return 1;
  return Object.entries(pattern).reduce((sum, [name, part]) => sum + countUnder(name, part), 1);
}

function countUnder(name: string, part: unknown): number {
  if (AT_ONCE.has(name)) return 1;
  return ONE_BY_ONE.has(name) && Array.isArray(part) ? part.length : countPatterns(part);
}

const AT_ONCE: ReadonlySet<string> = new Set(["$in", "$nin", "$eq", "$ne", "$neq"]);
const ONE_BY_ONE: ReadonlySet<string> = new Set(["$startsWith", "$endsWith"]);

/** `atRoot`: the pattern is about the event itself, so that its members are known. */
function checkPattern(pattern: unknown, pointer: string, atRoot: boolean): FilterError[] {
  if (Array.isArray(pattern)) {
    return pattern.flatMap((entry, index) => checkPattern(entry, jsonPointer([index], pointer), false));
  }
  if (!isPlainObject(pattern)) return [];
  return Object.entries(pattern).flatMap(([name, part]) => {
    const at = jsonPointer([name], pointer);
    if (name.startsWith("$")) return checkOperator(name, part, at, atRoot);
    if (atRoot && !ROOT_MEMBERS.has(name)) {
      return [
        { pointer: at, detail: "An event has the members type, key, source, subject and data; payload is below data." },
      ];
    }
    return checkPattern(part, at, false);
  });
}

function checkOperator(name: string, operand: unknown, pointer: string, atRoot: boolean): FilterError[] {
  const rule = OPERAND_RULES.get(name);
  if (rule === undefined) return [{ pointer, detail: `Unknown operator. There are ${OPERATOR_NAMES.join(" ")}.` }];
  const fault = rule(operand);
  if (fault !== null) return [{ pointer, detail: `${name} ${fault}.` }];
  if (name === "$not") return checkSubpattern(operand, pointer, atRoot);
  if ((name === "$or" || name === "$and") && Array.isArray(operand)) {
    return operand.flatMap((part, index) => checkSubpattern(part, jsonPointer([index], pointer), atRoot));
  }
  return [];
}

function checkSubpattern(pattern: unknown, pointer: string, atRoot: boolean): FilterError[] {
  if (atRoot && !isPlainObject(pattern))
    return [{ pointer, detail: "Here a pattern is an object over type, key, source, subject and data." }];
  return checkPattern(pattern, pointer, atRoot);
}

const isPlainObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function depthExceeds(value: unknown, limit: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return limit === 0 || Object.values(value).some((part) => depthExceeds(part, limit - 1));
}
