import type { LogEvent } from "../core/event.ts";
import type { FilterInput } from "../core/filter.ts";

const decoder = new TextDecoder();
const inputs = new WeakMap<LogEvent, FilterInput>();

/** What filters see of an event. Parsed at most once per event, however many subscriptions look at it. */
export function filterInput(event: LogEvent): FilterInput {
  let input = inputs.get(event);
  if (input === undefined) {
    input = { type: event.type, key: event.key, source: event.source, subject: event.subject, data: lazyData(event) };
    inputs.set(event, input);
  }
  return input;
}

function lazyData(event: LogEvent): () => unknown {
  let parsed: { value: unknown } | null = null;
  return () => {
    parsed ??= { value: parse(event) };
    return parsed.value;
  };
}

function parse(event: LogEvent): unknown {
  if (event.contentType !== "application/json" && !event.contentType.endsWith("+json")) return undefined;
  try {
    return JSON.parse(decoder.decode(event.data));
  } catch {
    return undefined;
  }
}
