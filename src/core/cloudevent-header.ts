import { err, ok, type Result } from "./result.ts";

/**
 * Attribute values as HTTP headers (CloudEvents 1.0.2, HTTP Protocol Binding, section 3.1.3.2). Pure ASCII either way:
 * no value can bring a line of its own into the head of a request.
 */

const UNPRINTABLE = /[^\x21-\x7e]|["%]/gu;
const QUOTED = /^"((?:[^"\\]|\\.)*)"$/;
const encoder = new TextEncoder();

/** Spaces, double quotes, percent signs and all beyond printable ASCII become `%XX` of their UTF-8. */
export const encodeAttribute = (text: string): string => text.replace(UNPRINTABLE, percentEncoded);

function percentEncoded(character: string): string {
  let encoded = "";
  for (const byte of encoder.encode(character)) encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return encoded;
}

/**
 * Takes double quotes off, then decodes `%XX` once. A percent sign that begins no such sequence stands for itself, as
 * senders of before 1.0.1 meant it. The error is the end of a sentence about the value.
 */
export function decodeAttribute(value: string): Result<string, string> {
  if (!/^[\t\x20-\x7e]*$/.test(value)) return err("must be printable ASCII, everything else percent-encoded as UTF-8");
  const unquoted = QUOTED.exec(value)?.[1]?.replace(/\\(.)/g, "$1") ?? value;
  try {
    return ok(unquoted.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent));
  } catch {
    return err("must be UTF-8 where it is percent-encoded");
  }
}
