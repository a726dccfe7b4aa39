import { RE2JS } from "re2js";
import { SCHEMA_PATTERN_MAX_CHARACTERS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

export interface SchemaPattern {
  /** Whether the text has a match somewhere. */
  readonly test: (text: string) => boolean;
  /** Instructions of the compiled pattern: a test takes at most so many steps a character. */
  readonly size: number;
}

/**
 * `\p{Letter}` and `\p{Script=Greek}`, of which the automaton knows the short forms; any other escape is passed over, so
 * that the second half of `\\p` is not taken for one.
 */
const PROPERTY = /\\(?:([pP])\{(?:(?:Script|sc|General_Category|gc)=)?(\w+)\}|.)/gs;

const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  ...([
    ["Letter", "L"],
    ["Lowercase_Letter", "Ll"],
    ["Uppercase_Letter", "Lu"],
  ] as const),
  ...([
    ["Number", "N"],
    ["Decimal_Number", "Nd"],
    ["Mark", "M"],
  ] as const),
  ...([
    ["Punctuation", "P"],
    ["Symbol", "S"],
    ["Separator", "Z"],
  ] as const),
]);

const shortened = (text: string): string =>
  text.replace(PROPERTY, (whole: string, letter?: string, name = "") =>
    letter === undefined ? whole : `\\${letter}{${SHORT_NAMES.get(name) ?? name}}`,
  );

/** Instructions of a pattern: beyond it a counted repetition makes each character of a text expensive. */
const SIZE_MAX = 2000;

/**
 * A regular expression of a schema, run by an automaton: in time that grows with the text, never with the ways to match
 * it, whoever wrote the text. It therefore has no look-around and no back references. The error ends a sentence.
 */
export function compileSchemaPattern(text: string): Result<SchemaPattern, string> {
  if (text.length > SCHEMA_PATTERN_MAX_CHARACTERS) {
    return err(`must be a regular expression of ${SCHEMA_PATTERN_MAX_CHARACTERS} characters or fewer`);
  }
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(shortened(text)));
    const size = compiled.programSize();
    if (size > SIZE_MAX) return err("must be a smaller regular expression: its repetitions make it too large");
    return ok({ test: (input) => compiled.test(input), size });
  } catch {
    return err("must be a regular expression without look-around and back references");
  }
}
