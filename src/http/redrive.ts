import * as v from "valibot";
import type { Problem } from "../core/errors.ts";
import { decodeEventId } from "../core/ids.ts";
import { REDRIVE_IDS_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { parseRfc3339 } from "../core/time.ts";
import type { LetterSelection, SubscriptionRpc } from "../subscription/rpc.ts";
import { jsonAnswer } from "./answer.ts";
import { readOptionalJson } from "./body.ts";
import type { Answer, Call } from "./call.ts";
import { onSubscription } from "./lookup.ts";
import { subscriptionIn } from "./path.ts";
import { invalidDocument, members, validate } from "./validate.ts";

const EventId = v.custom<string>(
  (value) => typeof value === "string" && decodeEventId(value) !== null,
  "must be the id of an event",
);

const Time = v.pipe(
  v.custom<string>(
    (value) => typeof value === "string" && parseRfc3339(value) !== null,
    "must be an RFC 3339 time, such as 2026-01-31T09:30:00Z",
  ),
  v.transform(parseRfc3339),
);

const COUNT_RULE = `must name 1 to ${REDRIVE_IDS_MAX} events`;

const SelectionDocument = members({
  eventIds: v.optional(
    v.pipe(
      v.array(EventId, "must be an array of event ids"),
      v.minLength(1, COUNT_RULE),
      v.maxLength(REDRIVE_IDS_MAX, COUNT_RULE),
    ),
  ),
  since: v.optional(Time),
  until: v.optional(Time),
});

/** `POST /v1/subscriptions/{id}/dead-letters/redrive`: 202, they are on their way again. */
export const redriveDeadLetters = (call: Call): Promise<Answer> =>
  onSelection(call, 202, (subscription, selection) => subscription.redrive(selection));

/** `DELETE /v1/subscriptions/{id}/dead-letters`: 200, they are gone. */
export const deleteDeadLetters = (call: Call): Promise<Answer> =>
  onSelection(call, 200, (subscription, selection) => subscription.deleteDeadLetters(selection));

async function onSelection<T extends object>(
  call: Call,
  status: number,
  act: (subscription: SubscriptionRpc, selection: LetterSelection) => Promise<Result<T, Problem>>,
): Promise<Answer> {
  const idOrName = subscriptionIn(call);
  if (!idOrName.ok) return idOrName;
  const selection = await readSelection(call.request);
  if (!selection.ok) return selection;
  const done = await onSubscription(call, idOrName.value, (subscription) => act(subscription, selection.value));
  return done.ok ? ok(jsonAnswer(done.value, status)) : done;
}

/** Which dead letters are meant: the named ones, or those that died in a time; without a document, all. */
async function readSelection(request: Request): Promise<Result<LetterSelection, Problem>> {
  const body = await readOptionalJson(request);
  if (!body.ok) return body;
  const document = validate(SelectionDocument, body.value);
  if (!document.ok) return document;
  const { eventIds = null, since = null, until = null } = document.value;
  if (eventIds !== null && (since !== null || until !== null)) {
    return err(invalidDocument([{ pointer: "#/eventIds", detail: "goes without since and until" }]));
  }
  return ok({ eventIds, since, until });
}
