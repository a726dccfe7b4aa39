import { type Problem, problem } from "./errors.ts";
import { JSON_MAX_DEPTH } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/**
 * JSON as text: what was sent is stored and sent on as it was, so values are cut out of the source text, never parsed
 * and written again (that would change 9007199254740993, 1.0, -0, escapes and the order of members).
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const BOM = 0xfeff;

/** One for all bodies: making it costs more than reading a short one. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The range of a value in a JSON text, without the white space around it; `end` is exclusive. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: its name with escapes resolved, and where its value stands. */
export interface MemberText extends TextRange {
  readonly name: string;
}

/**
 * Decodes and parses a body. `malformed-utf8` and `malformed-json` (400) for what is not RFC 8259 JSON in UTF-8, a byte
 * order mark included; `invalid` (422) when nested deeper than JSON_MAX_DEPTH.
 */
export function parseJsonBody(bytes: Uint8Array): Result<{ text: string; value: unknown }, Problem> {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return err(problem("malformed-utf8", "The body has bytes that are not UTF-8. Send JSON encoded as UTF-8."));
  }
  if (text.charCodeAt(0) === BOM) {
    return err(problem("malformed-json", "The body begins with a byte order mark. Send the JSON without it."));
  }

  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message repeats parts of the body, which may hold secrets.
    const detail =
      text.trim() === "" ? "The body is empty. Send a JSON value." : "The body is not valid JSON (RFC 8259).";
    return err(problem("malformed-json", detail));
  }
  if (isDeeperThan(text, JSON_MAX_DEPTH)) {
    return err(problem("invalid", `The JSON is nested deeper than ${JSON_MAX_DEPTH} levels.`));
  }
  return ok({ text, value });
}

/**
 * The members of the object at `start` (white space before it is skipped) of a valid JSON text, in order, with names
 * that occur twice listed twice.
 */
export function memberTexts(text: string, start = 0): readonly MemberText[] {
  const members: MemberText[] = [];
  let at = skipSpace(text, expect(text, skipSpace(text, start), OPEN_BRACE));
  while (text.charCodeAt(at) !== CLOSE_BRACE) {
    const nameEnd = skipString(text, at);
    const name = decodeName(text, at, nameEnd);
    const valueStart = skipSpace(text, expect(text, skipSpace(text, nameEnd), COLON));
    const valueEnd = skipValue(text, valueStart);
    members.push({ name, start: valueStart, end: valueEnd });
    at = skipSpace(text, valueEnd);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return members;
}

/** The elements of the array at `start` (white space before it is skipped) of a valid JSON text. */
export function elementTexts(text: string, start = 0): readonly TextRange[] {
  const elements: TextRange[] = [];
  let at = skipSpace(text, expect(text, skipSpace(text, start), OPEN_BRACKET));
  while (text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = skipValue(text, at);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return elements;
}

/** The range of the one value of a valid JSON text: the text without the white space around it. */
export function valueText(text: string, start = 0): TextRange {
  const from = skipSpace(text, start);
  return { start: from, end: skipValue(text, from) };
}

function isDeeperThan(text: string, limit: number): boolean {
  // Each level takes an opening and a closing character: most bodies are too short to be looked at.
  if (text.length < 2 * limit) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = skipString(text, at) - 1;
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      if (++depth > limit) return true;
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth--;
  }
  return false;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    const char = text.charCodeAt(at);
    if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return at;
    at++;
  }
}

/** A scan of a text that is no valid JSON would never end: the callers' promise is checked where it is cheap. */
function expect(text: string, at: number, char: number): number {
  if (text.charCodeAt(at) !== char) throw new Error(`expected ${String.fromCharCode(char)} at ${at} of a JSON text`);
  return at + 1;
}

function skipValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return skipString(text, start);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipContainer(text, start);
  let at = start;
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at++;
  if (at === start) throw new Error(`expected a value at ${at} of a JSON text`);
  return at;
}

function endsScalar(char: number): boolean {
  return char <= 0x20 || char === COMMA || char === CLOSE_BRACE || char === CLOSE_BRACKET;
}

function skipContainer(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = skipString(text, at) - 1;
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) depth++;
    else if ((char === CLOSE_BRACE || char === CLOSE_BRACKET) && --depth === 0) return at + 1;
  }
  throw new Error(`no end of the value at ${start} of a JSON text`);
}

/** The end of the string that opens at `start`: after the first quote with an even number of backslashes before it. */
function skipString(text: string, start: number): number {
  expect(text, start, QUOTE);
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  throw new Error(`no end of the string at ${start} of a JSON text`);
}

function decodeName(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  if (!raw.includes("\\")) return raw;
  const name: unknown = JSON.parse(text.slice(start, end));
  return String(name);
}
