/**
 * Looks into a JSON text without parsing it: numbers, escapes and the order of members stay as they were sent, which
 * parsing and writing again would change. The text must be valid JSON, as the API's answers are.
 */

/** The raw text of a member of the object that `text` is; of several with the name, the last. null if there is none. */
export function rawMember(text: string, name: string): string | null {
  let found: string | null = null;
  for (const [key, value] of parts(text)) if (key !== null && JSON.parse(key) === name) found = value;
  return found;
}

/** The raw texts of the elements of the array that `text` is. */
export const rawElements = (text: string): string[] => parts(text).map(([, value]) => value);

/** The text with line breaks and two spaces a level; every token stays as it is. */
export function indented(text: string): string {
  let out = "";
  let depth = 0;
  let opened = false;
  for (let at = 0; at < text.length; ) {
    const char = text.charAt(at);
    const end = char === '"' ? endOfString(text, at) : at + 1;
    const token = text.slice(at, end);
    at = end;
    if (WHITE_SPACE.has(token)) continue;
    const closes = char === "}" || char === "]";
    if (closes) depth -= 1;
    if (closes !== opened) out += newLine(depth);
    out += token;
    opened = char === "{" || char === "[";
    if (opened) depth += 1;
    if (char === ",") out += newLine(depth);
    if (char === ":") out += " ";
  }
  return out;
}

const WHITE_SPACE: ReadonlySet<string> = new Set([" ", "\t", "\n", "\r"]);

const newLine = (depth: number): string => `\n${"  ".repeat(depth)}`;

/** Members (raw key, raw value) or elements (null, raw value) of the outermost object or array. */
function parts(text: string): [string | null, string][] {
  const found: [string | null, string][] = [];
  let at = text.search(/\S/) + 1;
  while (at < text.length) {
    const end = endOfPart(text, at);
    const part = text.slice(at, end).trim();
    if (part !== "") {
      const keyEnd = part.startsWith('"') ? endOfString(part, 0) : 0;
      const colon = keyEnd > 0 ? /^\s*:/.exec(part.slice(keyEnd)) : null;
      found.push(colon === null ? [null, part] : [part.slice(0, keyEnd), part.slice(keyEnd + colon[0].length).trim()]);
    }
    at = end + 1;
  }
  return found;
}

/** Where the comma or the closing bracket of the present level stands. */
function endOfPart(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (depth === 0 && (char === "," || char === "}" || char === "]")) return at;
    if (char === "{" || char === "[") depth += 1;
    if (char === "}" || char === "]") depth -= 1;
    at += 1;
  }
  return at;
}

/** Just behind the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === "\\" ? 2 : 1;
  return at + 1;
}
