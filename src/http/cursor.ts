import { decodeBase64Url, encodeBase64Url } from "../core/base64.ts";
import { LIST_CURSOR_MAX_CHARACTERS } from "../core/limits.ts";

/** Where a list goes on: an offset, or the name of the last one shown. */
export type Position = string | number;

/**
 * The opaque text of a position in the list that `list` describes (its path and filters): sent back with another list
 * it is refused, because the position would mean something else there.
 */
export function encodeCursor(list: string, position: Position): string {
  return encodeBase64Url(new TextEncoder().encode(JSON.stringify([fingerprint(list), position])));
}

/** The position in a cursor, or null when it is none of this list. */
export function decodeCursor(list: string, cursor: string): Position | null {
  if (cursor.length > LIST_CURSOR_MAX_CHARACTERS) return null;
  const bytes = decodeBase64Url(cursor);
  if (bytes === null) return null;
  const parts = parseArray(bytes);
  if (parts?.length !== 2 || parts[0] !== fingerprint(list)) return null;
  const position = parts[1];
  if (typeof position === "string") return position;
  return typeof position === "number" && Number.isSafeInteger(position) && position >= 0 ? position : null;
}

function parseArray(bytes: Uint8Array): readonly unknown[] | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** FNV-1a, 32 bits: this guards against mistakes; a position reveals nothing, so it need not resist forgery. */
function fingerprint(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
