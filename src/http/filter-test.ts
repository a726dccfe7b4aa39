import * as v from "valibot";
import type { Problem } from "../core/errors.ts";
import { parseFilter } from "../core/filter.ts";
import { LIST_DEFAULT, LIST_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { parseRfc3339 } from "../core/time.ts";
import type { FilterTestQuery } from "../topic-log/rpc.ts";
import { jsonBytesAnswer } from "./answer.ts";
import { readJson } from "./body.ts";
import type { Answer, Call } from "./call.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { eventListJson } from "./event-json.ts";
import { onTopic, whenAbsent } from "./lookup.ts";
import { topicIn } from "./path.ts";
import { invalidDocument, members, validate, wholeNumber } from "./validate.ts";

const TIME_RULE = "must be an RFC 3339 time, such as 2026-01-31T09:30:00Z";
const CURSOR_RULE = "must be the `next` of a page of this very test, with the same filter and since";

const FilterTest = members({
  // Judged by src/core/filter.ts; null is a filter too, which matches everything.
  filter: v.unknown(),
  since: v.optional(
    v.nullable(v.custom<string>((value) => typeof value === "string" && parseRfc3339(value) !== null, TIME_RULE)),
    null,
  ),
  limit: v.optional(wholeNumber(1, LIST_MAX), LIST_DEFAULT),
  cursor: v.optional(v.nullable(v.string("must be a string")), null),
});

/** `POST /v1/topics/{topic}/filter-test`: which events of the log a subscription with this filter gets. */
export async function testFilter(call: Call): Promise<Answer> {
  const topic = topicIn(call, "allowed");
  if (!topic.ok) return topic;
  const body = await readJson(call.request);
  if (!body.ok) return body;
  const wanted = readTest(call, topic.value, body.value);
  if (!wanted.ok) return wanted;
  const { list, query } = wanted.value;

  const tested = await onTopic(call, topic.value, whenAbsent(topic.value), (log) => log.testFilter(query));
  if (!tested.ok) return tested;
  const { events, scanned, next } = tested.value;
  const cursor = next === null ? null : encodeCursor(list, next);
  return ok(jsonBytesAnswer(eventListJson(events, topic.value, { scanned, next: cursor })));
}

/** `list` is what a cursor belongs to. */
function readTest(call: Call, topic: string, body: unknown): Result<{ list: string; query: FilterTestQuery }, Problem> {
  const document = validate(FilterTest, body);
  if (!document.ok) return document;
  const { since, limit, cursor: inBody } = document.value;
  const filter = parseFilter(document.value.filter, "#/filter");
  if (!filter.ok) return err(invalidDocument(filter.error));
  const list = JSON.stringify(["filter-test", call.tenant, topic, filter.value, since]);
  const positionOf = (cursor: string): number | null => {
    const position = decodeCursor(list, cursor);
    return typeof position === "number" ? position : null;
  };
  const inQuery = call.query.take("cursor", positionOf, CURSOR_RULE);
  const refusal = call.query.refusal();
  if (refusal !== null) return err(refusal);
  const after = inBody === null ? inQuery : positionOf(inBody);
  if (inBody !== null && (after === null || inQuery !== null)) {
    const detail = after === null ? CURSOR_RULE : "is in the query too; give it once";
    return err(invalidDocument([{ pointer: "#/cursor", detail }]));
  }
  const sinceMs = since === null ? null : parseRfc3339(since);
  return ok({ list, query: { filter: filter.value, after, since: sinceMs, limit } });
}
