import { type Problem, problem } from "../core/errors.ts";
import { LIST_DEFAULT, LIST_MAX } from "../core/limits.ts";
import { parseTopicName } from "../core/names.ts";
import { parseRfc3339 } from "../core/time.ts";
import { isTypePattern, TYPE_PATTERN_RULE } from "../core/type-pattern.ts";
import { decodeCursor, encodeCursor, type Position } from "./cursor.ts";

/** Members of one answer: a query can have thousands. */
const REFUSALS_MAX = 10;

/** Reads one member's text; null when it is not acceptable. */
type Parse<T> = (text: string) => T | null;

/**
 * The query of a request. Members are taken one by one; what is malformed is gathered, and `refusal` tells it all at
 * once. Which members a route has stands in the route table, so that an unknown one is refused wherever it is sent.
 */
export class Query {
  readonly #members: URLSearchParams;
  readonly #refusals: string[] = [];

  /** @param known the members the route has: any other, and any given twice, is a refusal. */
  constructor(members: URLSearchParams, known: readonly string[]) {
    this.#members = members;
    if (members.size === 0) return;
    const seen = new Set<string>();
    for (const name of members.keys()) {
      if (!known.includes(name)) this.#refusals.push(`The query member ${shown(name)} is not known here.`);
      else if (seen.has(name)) this.#refusals.push(`The query member ${name} is given more than once.`);
      seen.add(name);
    }
  }

  /** The member's value, or null when it is absent or refused. `rule` ends the sentence "The query member x ...". */
  take<T>(name: string, parse: Parse<T>, rule: string): T | null {
    const text = this.#members.get(name);
    if (text === null) return null;
    const value = parse(text);
    if (value === null) this.#refusals.push(`The query member ${name} ${rule}.`);
    return value;
  }

  /** `invalid` (422) naming the members that were refused so far; null when all is well. */
  refusal(): Problem | null {
    return this.#refusals.length === 0 ? null : problem("invalid", this.#refusals.slice(0, REFUSALS_MAX).join(" "));
  }

  offset(name: string): number | null {
    return this.take(name, parseCount, "must be an offset: digits only");
  }

  /** Unix milliseconds. */
  time(name: string): number | null {
    return this.take(name, parseRfc3339, "must be an RFC 3339 time, such as 2026-01-31T09:30:00Z");
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | null {
    const parse = (text: string): T | null => choices.find((choice) => choice === text) ?? null;
    return this.take(name, parse, `must be one of ${choices.join(", ")}`);
  }

  /** As in filters: exact, `order.*` or `*`. */
  typePattern(name: string): string | null {
    return this.take(name, (text) => (isTypePattern(text) ? text : null), TYPE_PATTERN_RULE);
  }

  topic(name: string): string | null {
    const parse = (text: string): string | null => (parseTopicName(text, "allowed").ok ? text : null);
    return this.take(name, parse, "must be the name of a topic");
  }

  flag(name: string): boolean {
    return this.oneOf(name, ["true", "false"]) === "true";
  }

  limit(): number {
    const parse = (text: string): number | null => {
      const limit = parseCount(text);
      return limit !== null && limit >= 1 && limit <= LIST_MAX ? limit : null;
    };
    return this.take("limit", parse, `must be 1 to ${LIST_MAX}`) ?? LIST_DEFAULT;
  }

  /** The position in `cursor`, which must come from the list that `list` and the other members describe. */
  cursor<P extends Position>(list: string, isPosition: (position: Position) => position is P): P | null {
    const parse = (text: string): P | null => {
      const position = decodeCursor(this.#listOf(list), text);
      return position !== null && isPosition(position) ? position : null;
    };
    return this.take("cursor", parse, "must be the 'next' of a page of this very list, with the same other members");
  }

  /** The `next` of a page: the cursor of a position, or null at the end. */
  next(list: string, position: Position | null): string | null {
    return position === null ? null : encodeCursor(this.#listOf(list), position);
  }

  /** `limit` may change from page to page, everything else decides what the list is. */
  #listOf(list: string): string {
    const members = [...this.#members].filter(([name]) => name !== "cursor" && name !== "limit").sort(byName);
    return JSON.stringify([list, members]);
  }
}

const byName = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : a > b ? 1 : 0);

/** What a client sent, fit to be repeated in an answer: short and on one line. */
const shown = (name: string): string => JSON.stringify(name.slice(0, 64).toWellFormed());

/** A whole number of 0 or more that a double holds exactly. */
export function parseCount(text: string): number | null {
  if (!/^\d{1,16}$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

export const isOffsetPosition = (position: Position): position is number => typeof position === "number";
export const isNamePosition = (position: Position): position is string => typeof position === "string";
