import type { LogEvent } from "../../../src/core/event.ts";
import { compileFilter, type FilterInput } from "../../../src/core/filter.ts";
import type { Ordering } from "../../../src/core/ordering.ts";
import { filterInput } from "../../../src/topic-log/filter-input.ts";
import type { Change, Moment, SubscriptionRecord } from "./journal.ts";

/** The values a setting may have had at or after a moment: the last one surely set before it, and all asked for since. */
export function valuesSince<T>(changes: readonly Change<T>[], since: Moment): T[] {
  let from = 0;
  changes.forEach((change, index) => {
    if (change.done !== null && change.done.step < since.step) from = index;
  });
  return changes.slice(from).map((change) => change.value);
}

/** Same, between two moments. */
export function valuesBetween<T>(changes: readonly Change<T>[], since: Moment, until: Moment): T[] {
  return valuesSince(
    changes.filter((change) => change.asked.step <= until.step),
    since,
  );
}

const compiled = new Map<string, (event: FilterInput) => boolean>();

function matches(filter: SubscriptionRecord["config"]["filter"], event: LogEvent): boolean {
  const text = JSON.stringify(filter);
  const known = compiled.get(text) ?? compileFilter(filter);
  compiled.set(text, known);
  return known(filterInput(event));
}

/** Whether an event must, may or must not be delivered: a changed filter applies to what was not leased yet. */
export function expectation(record: SubscriptionRecord, event: LogEvent, posted: Moment): "must" | "may" | "never" {
  const filters = valuesSince(record.filters, posted);
  const matching = filters.filter((filter) => matches(filter, event)).length;
  if (matching === filters.length) return "must";
  return matching > 0 ? "may" : "never";
}

/** The ordering a subscription had the whole time between two moments; null if it may have changed. */
export function orderingBetween(record: SubscriptionRecord, since: Moment, until: Moment): Ordering | null {
  const [only, ...more] = new Set(valuesBetween(record.orderings, since, until));
  return more.length === 0 ? (only ?? null) : null;
}
