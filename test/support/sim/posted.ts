import type { LogEvent } from "../../../src/core/event.ts";
import { markOf } from "./content.ts";
import type { Evidence } from "./evidence.ts";
import type { Moment } from "./journal.ts";

const NEVER: Moment = { step: 0, at: 0 };
const known = new WeakMap<Evidence, Map<number, Moment>>();

/** The first moment at which this event can have come into the log. */
export function postedAt(evidence: Evidence, event: LogEvent): Moment {
  let moments = known.get(evidence);
  if (moments === undefined) {
    moments = new Map();
    for (const { request, tries } of evidence.journal.posts) {
      for (const { data } of request.events) moments.set(markOf(data) ?? -1, tries[0]?.asked ?? NEVER);
    }
    known.set(evidence, moments);
  }
  return moments.get(markOf(event.data) ?? -1) ?? NEVER;
}
