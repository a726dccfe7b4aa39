import { elementTexts, memberTexts, type TextRange, valueText } from "./json-text.ts";

const INDEX = /^(?:0|[1-9]\d{0,8})$/;

/**
 * The string or number at a path of a valid JSON text; null for anything else there. A number is its own text, so that
 * 9007199254740993 is not mistaken for its neighbour. Of a member that occurs twice the last one counts, as for a parser.
 */
export function scalarAt(text: string, path: readonly string[]): string | null {
  let at: TextRange | undefined = valueText(text);
  for (const step of path) {
    at = childAt(text, at, step);
    if (at === undefined) return null;
  }
  const found = text.slice(at.start, at.end);
  if (/^[-\d]/.test(found)) return found;
  if (!found.startsWith('"')) return null;
  const value: unknown = JSON.parse(found);
  return String(value);
}

function childAt(text: string, { start }: TextRange, step: string): TextRange | undefined {
  const opening = text.charAt(start);
  if (opening === "{") return memberTexts(text, start).findLast(({ name }) => name === step);
  return opening === "[" && INDEX.test(step) ? elementTexts(text, start)[Number(step)] : undefined;
}
