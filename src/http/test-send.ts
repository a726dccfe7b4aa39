import { batchId } from "../core/batch.ts";
import { requestContentType } from "../core/body.ts";
import { type Problem, problem } from "../core/errors.ts";
import type { LogEvent } from "../core/event.ts";
import { shownEventHeaders } from "../core/event-headers.ts";
import { encodeEventId, newId } from "../core/ids.ts";
import { SEND_START_MAX_MS } from "../core/limits.ts";
import { redactedHeaders } from "../core/request-headers.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatRfc3339 } from "../core/time.ts";
import { VERSION } from "../core/version.ts";
import { type OpenTarget, openTarget } from "../delivery/open-target.ts";
import { notSent, sendOnce } from "../delivery/send.ts";
import type { Attempt, Part, Send, SendResult, SubscriptionRpc } from "../subscription/rpc.ts";
import { jsonAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";
import { attemptDetail } from "./delivery-view.ts";
import { requireNoDocument } from "./documents.ts";
import { onSubscription } from "./lookup.ts";
import { subscriptionIn } from "./path.ts";
import type { Settings } from "./settings.ts";

type Sent = Exclude<SendResult, { kind: "unsent" }>;

const ID_RANDOM_BYTES = 10;
/** The random number in an event id. */
const TAG_BITS = 40;
/** Of sends that a slow object or a busy machine kept from beginning in time. */
const TRIES_MAX = 3;

const DATA = new TextEncoder().encode('{"message":"This is a test. No event of your topic was sent."}');

/**
 * `POST /v1/subscriptions/{id}/test`: sends one made-up event now and answers with the attempt. Nothing of it is kept:
 * it is in no log, and no subscription counts it.
 */
export async function testSubscription(call: Call): Promise<Answer> {
  const idOrName = subscriptionIn(call);
  if (!idOrName.ok) return idOrName;
  const body = await requireNoDocument(call.request);
  if (!body.ok) return body;
  const attempt = await onSubscription(call, idOrName.value, (subscription) => trySend(subscription, call.settings));
  return attempt.ok ? ok(jsonAnswer(attemptDetail(attempt.value))) : attempt;
}

async function trySend(subscription: SubscriptionRpc, settings: Settings): Promise<Result<Attempt, Problem>> {
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    const present = await subscription.view();
    if (!present.ok) return present;
    // As of a lease: whoever pauses or deletes the subscription waits so long for sends to begin.
    const askedAt = Date.now();
    const target = await subscription.testTarget();
    if (!target.ok) return target;
    const send = testSend(askedAt, present.value.config.batch !== null);
    const sent = await sendTo(target.value, send, settings);
    if (sent.kind !== "unsent") return ok(attemptOf(sent, send, target.value));
  }
  return err(problem("unavailable", "The test could not be begun in time.", { retryAfterSeconds: 1 }));
}

async function sendTo(target: Part["target"], send: Send, settings: Settings): Promise<SendResult> {
  let open: OpenTarget;
  try {
    open = await openTarget(target, settings.vault);
  } catch {
    return notSent({ lease: send.lease, offset: send.event.offset, attemptId: send.attemptId }, Date.now(), {
      code: "denied",
      message: "The subscription's secrets cannot be decrypted with SLUICE_ENCRYPTION_KEY; nothing is sent unsigned.",
    });
  }
  return sendOnce(send, open, {
    now: () => Date.now(),
    allowPrivate: settings.allowPrivateTargets,
    version: VERSION,
    startBy: send.startAt + SEND_START_MAX_MS,
  });
}

function testSend(now: number, batched: boolean): Send {
  const event = testEvent(now);
  return {
    ...{ lease: 0, event, previous: 0, attempt: 1, trigger: "test", startAt: now },
    attemptId: newId("att", now, randomBytes(ID_RANDOM_BYTES)),
    batch: batched ? { id: batchId([event.id]), events: [event] } : null,
  };
}

/** Its id is like any other, but for the offset, which no event of a log has. */
function testEvent(now: number): LogEvent {
  const tag = randomBytes(TAG_BITS / 8).reduce((number, byte) => number * 256 + byte, 0);
  const offset = 0;
  return {
    ...{ id: encodeEventId({ time: now, tag, partition: 0, offset }), partition: 0, offset, receivedAt: now },
    ...{ type: "sluice.test", key: null, time: formatRfc3339(now), source: null, subject: null },
    ...{ correlationId: null, causationId: null, cloudEvent: null, headers: null },
    ...{ contentType: "application/json", hops: 0, data: DATA },
  };
}

/** The attempt as the delivery log would keep it. */
function attemptOf(sent: Sent, send: Send, target: Part["target"]): Attempt {
  const { startedAt, durationMilliseconds, statusCode, error, bodyBytes, response } = sent;
  const request = {
    ...{ send, target, version: VERSION, timestampSeconds: Math.floor(startedAt / 1000) },
    contentType: requestContentType(target.format, send.event, send.batch !== null),
  };
  const ofTheEvent = shownEventHeaders(target.format, send.event, target.topic);
  const headers = redactedHeaders(request, Object.keys(target.headers), ofTheEvent);
  return {
    ...{ id: send.attemptId, number: send.attempt, trigger: send.trigger, startedAt, durationMilliseconds },
    ...{ outcome: error === null ? "success" : "failure", statusCode, error, response },
    request: { url: target.url, headers, bodyBytes },
  };
}

const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));
