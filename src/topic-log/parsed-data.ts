import type { NewEvent } from "../core/event.ts";
import { PARSED_CACHE_MAX_BYTES, PARSED_EVENT_BYTES } from "../core/limits.ts";
import { isJsonContentType } from "../core/media-type.ts";

const decoder = new TextDecoder();

/** By the bytes themselves: an event that is appended, and the same one in the log, share them. Oldest first. */
const parsed = new Map<Uint8Array, unknown>();
let bytes = 0;
let parses = 0;

/** The data of an event as JSON; undefined where it is none. Parsed once for the schema of its type and all filters. */
export function parsedData({ contentType, data }: Pick<NewEvent, "contentType" | "data">): unknown {
  if (!isJsonContentType(contentType)) return undefined;
  if (parsed.has(data)) return parsed.get(data);
  const value = parse(data);
  parsed.set(data, value);
  bytes += takes(data);
  for (const oldest of parsed.keys()) {
    if (bytes <= PARSED_CACHE_MAX_BYTES || parsed.size === 1) break;
    parsed.delete(oldest);
    bytes -= takes(oldest);
  }
  return value;
}

/** Small data weighs by what is kept around it: its entry, its buffer, its value. */
const takes = (data: Uint8Array): number => data.byteLength + PARSED_EVENT_BYTES;

/** How often data was parsed since the isolate began: work is counted, so that a test can bound it. */
export const parsesSoFar = (): number => parses;

function parse(data: Uint8Array): unknown {
  parses += 1;
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return undefined;
  }
}
