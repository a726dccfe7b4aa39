import { encodeBase64Url } from "../core/base64.ts";
import { cloudEventClaim } from "../core/cloudevent-claim.ts";
import { type Problem, problem } from "../core/errors.ts";
import type { AppendedEvent, AppendRequest, IdempotencyClaim } from "../core/event.ts";
import { parseIdempotencyKeyHeader } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";
import { calling, topicLog } from "../rpc/objects.ts";
import { jsonAnswer } from "./answer.ts";
import { readBody } from "./body.ts";
import { joinBytes } from "./bytes.ts";
import type { Answer, Call } from "./call.ts";
import { readHops } from "./hops.ts";
import { onTopic } from "./lookup.ts";
import { noSuchTopic, topicIn } from "./path.ts";
import { type Publish, type PublishForm, publishForm, readPublish } from "./publish-form.ts";
import { parseCount } from "./query.ts";

/** What the headers of a publish ask for. */
export interface PublishHeaders {
  readonly idempotencyKey: string | null;
  readonly expectedOffset: number | null;
  readonly hops: number;
}

/** `POST /v1/topics/{topic}/events`. Everything is judged before the topic is looked up: a refusal creates nothing. */
export async function publishEvents(call: Call): Promise<Answer> {
  const topic = topicIn(call, "refused");
  if (!topic.ok) return topic;
  const headers = readPublishHeaders(call.request.headers);
  if (!headers.ok) return headers;
  const form = publishForm(call.request);
  if (!form.ok) return form;
  const body = await readBody(call.request);
  if (!body.ok) return body;
  const parsed = readPublish(form.value, call.request.headers, body.value, headers.value.hops);
  if (!parsed.ok) return parsed;
  const request = await toAppendRequest(parsed.value, form.value, { ...headers.value, requestId: call.requestId });
  if (!request.ok) return request;

  const appended = await onTopic(
    call,
    topic.value,
    () => ifAbsent(call, topic.value, request.value),
    (log) => log.append(request.value),
  );
  if (!appended.ok) return appended;
  call.notes.loggedElsewhere = true;
  const events = appended.value.map((event) => view(event, topic.value));
  const [first] = events;
  return ok(jsonAnswer(parsed.value.batch || first === undefined ? { events } : first, 202));
}

/** A topic that would be created only to refuse the event is not created. One that was deleted goes on with its offsets. */
async function ifAbsent(call: Call, topic: string, { expectedOffset }: AppendRequest): Promise<"create" | Problem> {
  if (!call.settings.topicsAutoCreate) return noSuchTopic();
  if (expectedOffset === null) return "create";
  const described = await calling(() => topicLog(call.env, call.tenant, topic).describe());
  if (described.ok) return "create";
  if (described.error.code !== "not-found") return described.error;
  const nextOffset = described.error.extra?.nextOffset ?? 1;
  if (nextOffset === expectedOffset) return "create";
  const detail = `The topic does not exist; its next event would get offset ${nextOffset}, not ${expectedOffset}.`;
  return problem("offset-mismatch", detail, { extra: { nextOffset } });
}

/** `invalid` (422) for a malformed header, `loop` (508) for an event that passed HOPS_MAX gateways. */
export function readPublishHeaders(headers: Headers): Result<PublishHeaders, Problem> {
  const hops = readHops(headers);
  if (!hops.ok) return hops;
  const expected = headers.get("sluice-expected-offset");
  const expectedOffset = expected === null ? null : parseCount(expected);
  if (expected !== null && (expectedOffset === null || expectedOffset < 1)) {
    return err(problem("invalid", "The header Sluice-Expected-Offset must be an offset: a whole number of 1 or more."));
  }
  const key = headers.get("idempotency-key");
  const idempotencyKey = key === null ? ok(null) : parseIdempotencyKeyHeader(key);
  if (!idempotencyKey.ok) return idempotencyKey;
  return ok({ idempotencyKey: idempotencyKey.value, expectedOffset, hops: hops.value });
}

async function toAppendRequest(
  { batch, events, contentType, content }: Publish,
  { kind }: PublishForm,
  { idempotencyKey, expectedOffset, requestId }: PublishHeaders & { readonly requestId: string },
): Promise<Result<AppendRequest, Problem>> {
  if (batch && expectedOffset !== null) {
    return err(problem("invalid", "The header Sluice-Expected-Offset goes with a single event, not with a batch."));
  }
  if (idempotencyKey !== null && events.some((event) => event.idempotencyKey !== null)) {
    return err(problem("invalid", "Give the idempotency key either in the header or in the events, not in both."));
  }
  const encoder = new TextEncoder();
  return ok({
    events: await Promise.all(
      events.map(async ({ event, idempotencyKey: key, text }) => ({
        ...event,
        idempotency: key === null ? cloudEventClaim(event) : await claim(key, contentType, encoder.encode(text)),
      })),
    ),
    idempotency: idempotencyKey === null ? null : await claim(idempotencyKey, contentType, content()),
    requestId,
    ...(!batch && { dataPointer: kind === "binary" ? "#" : "#/data" }),
    expectedOffset,
  });
}

/** The key with a digest of content type and bytes: the same key with anything else is a conflict. */
async function claim(key: string, contentType: string, bytes: Uint8Array): Promise<IdempotencyClaim> {
  const content = joinBytes([new TextEncoder().encode(`${contentType}\n`), bytes]);
  return { key, fingerprint: encodeBase64Url(new Uint8Array(await crypto.subtle.digest("SHA-256", content))) };
}

const view = ({ id, partition, offset, type, time, duplicate }: AppendedEvent, topic: string) => ({
  id,
  topic,
  partition,
  offset,
  type,
  time,
  duplicate,
});
