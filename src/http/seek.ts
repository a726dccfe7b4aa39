import * as v from "valibot";
import { err, ok } from "../core/result.ts";
import { jsonAnswer } from "./answer.ts";
import { readJson } from "./body.ts";
import type { Answer, Call } from "./call.ts";
import { onSubscription } from "./lookup.ts";
import { subscriptionIn } from "./path.ts";
import { StartPoint } from "./subscription-schema.ts";
import { bool, members, validate } from "./validate.ts";

const SeekDocument = members({ to: StartPoint, dryRun: v.optional(bool, false) });

/** `POST /v1/subscriptions/{id}/seek`: moves it to another place in the log, or (`dryRun`) says what that would mean. */
export async function seekSubscription(call: Call): Promise<Answer> {
  const idOrName = subscriptionIn(call);
  if (!idOrName.ok) return idOrName;
  const body = await readJson(call.request);
  if (!body.ok) return body;
  const document = validate(SeekDocument, body.value);
  if (!document.ok) return document;
  const { to, dryRun } = document.value;
  const sought = await onSubscription(call, idOrName.value, (subscription) => subscription.seek(to, dryRun));
  if (sought.ok) {
    const { from, to: there, events, cancelled } = sought.value;
    return ok(jsonAnswer({ from: [place(from)], to: [place(there)], events, cancelled }));
  }
  // All that can be wrong with a well-formed document is the place it names.
  const { code, detail } = sought.error;
  return code === "invalid" ? err({ ...sought.error, errors: [{ pointer: "#/to", detail }] }) : sought;
}

/** The log of a topic has one partition. */
const place = (offset: number) => ({ partition: 0, offset });
