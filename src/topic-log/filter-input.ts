import type { LogEvent } from "../core/event.ts";
import type { FilterInput } from "../core/filter.ts";
import { parsedData } from "./parsed-data.ts";

const inputs = new WeakMap<LogEvent, FilterInput>();

/** What filters see of an event. Its data is parsed only if one of them asks for it. */
export function filterInput(event: LogEvent): FilterInput {
  let input = inputs.get(event);
  if (input === undefined) {
    const { type, key, source, subject } = event;
    input = { type, key, source, subject, data: () => parsedData(event), ...(event.erased && { erased: true }) };
    inputs.set(event, input);
  }
  return input;
}
