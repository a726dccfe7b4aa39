import { sendBody } from "../core/body.ts";
import type { Problem } from "../core/errors.ts";
import { eventHeaders } from "../core/event-headers.ts";
import {
  notAllowed,
  type PermissionRequest,
  permissionHeaders,
  type Refusal,
  refusalOfPermission,
} from "../core/handshake.ts";
import { requestHeaders, webhookId } from "../core/request-headers.ts";
import { err, ok, type Result } from "../core/result.ts";
import { parseRetryAfter } from "../core/retry-schedule.ts";
import { keysAt, signStandardWebhook } from "../core/signature.ts";
import { checkSubscriberUrl } from "../core/subscriber-url.ts";
import type { Send, SendResult } from "../subscription/rpc.ts";
import { errorOfStatus, instructionOf, keptHeaders, readBody } from "./answer.ts";
import { Deadlines } from "./deadlines.ts";
import { type AttemptError, classifyFetchError } from "./fetch-error.ts";
import type { OpenTarget } from "./open-target.ts";

export interface SendOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly allowPrivate: boolean;
  readonly version: string;
  /** Unix milliseconds after which the request must not be started (src/core/limits.ts SEND_START_MAX_MS). */
  readonly startBy: number;
  /** Of the invocation, which has one timer for all its sends; absent: the send has a timer of its own. */
  readonly deadlines?: Deadlines;
}

/** The statuses whose `Retry-After` is honoured (API clause 6.3). */
const RETRY_AFTER_STATUSES: readonly number[] = [429, 503];

/**
 * Sends one event or batch to its subscriber, once: the only place that calls one. Never throws. The URL is judged
 * again first, whatever let it in; a redirect is a failure and not followed; the head alone decides between success and
 * failure, and one deadline of `timeoutSeconds` holds for head and body together.
 */
export async function sendOnce(send: Send, target: OpenTarget, options: SendOptions): Promise<SendResult> {
  const identity = { lease: send.lease, offset: send.event.offset, attemptId: send.attemptId };
  const allowed = judge(target.url, options.allowPrivate);
  if (!allowed.ok) return notSent(identity, options.now(), { code: "denied", message: allowed.error.detail });
  const request = await prepare(send, target, options);
  if (request === null) return notSent(identity, options.now(), UNSENDABLE);
  // After the signing, which takes its time on a busy machine: this is the last moment before the request.
  if (options.now() > options.startBy) return { ...identity, kind: "unsent" };
  const result = await exchange(request, target, options);
  if (result.kind === "failed" && !isSendable(request.init.headers)) {
    return notSent(identity, options.now(), UNSENDABLE);
  }
  return { ...identity, ...result, bodyBytes: request.bodyBytes };
}

let judged: { readonly url: string; readonly allowPrivate: boolean; readonly verdict: Result<string, Problem> } | null =
  null;

/** The verdict on a URL, made once as long as sends go to the same one. */
function judge(url: string, allowPrivate: boolean): Result<string, Problem> {
  if (judged?.url !== url || judged.allowPrivate !== allowPrivate) {
    judged = { url, allowPrivate, verdict: checkSubscriberUrl(url, allowPrivate) };
  }
  return judged.verdict;
}

/** Whether HTTP can carry them: what is wrong with a request that was never made, whatever the runtime says. */
function isSendable(headers: Readonly<Record<string, string>>): boolean {
  try {
    return new Headers(headers) instanceof Headers;
  } catch {
    return false;
  }
}

/**
 * Asks a subscriber whether it wants requests at all (API clause 5.1 `verification`), under the rules of a send. null: it
 * does. Never throws.
 */
export async function askPermission(
  request: PermissionRequest & { readonly url: string; readonly timeoutSeconds: number },
  options: Pick<SendOptions, "allowPrivate" | "version" | "now">,
): Promise<Refusal | null> {
  const allowed = checkSubscriberUrl(request.url, options.allowPrivate);
  if (!allowed.ok) return notAllowed(request.origin, allowed.error.detail);
  const headers = { ...permissionHeaders(request), "user-agent": `Sluice/${options.version}` };
  const judgeAnswer = async (response: Response): Promise<Refusal | null> => {
    await response.body?.cancel();
    return refusalOfPermission(request, response.status, (name) => response.headers.get(name));
  };
  const init = { method: "OPTIONS", redirect: "manual", headers };
  const answer = await fetched(request, init, judgeAnswer, new Deadlines(options.now));
  return answer.ok ? answer.value : notAllowed(request.origin, answer.error.message.replace(/\.$/, ""));
}

type Exchange = Omit<
  Extract<SendResult, { kind: "answered" | "failed" }>,
  "lease" | "offset" | "attemptId" | "bodyBytes"
>;

const UNSENDABLE: AttemptError = {
  code: "denied",
  message: "The request cannot be made: a header of the event or the subscription is not valid HTTP.",
};

interface Prepared {
  readonly startedAt: number;
  readonly init: {
    readonly method: "POST";
    readonly redirect: "manual";
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
  };
  readonly bodyBytes: number;
}

/** Body, signature and headers; null when they cannot be made. */
async function prepare(send: Send, target: OpenTarget, options: SendOptions): Promise<Prepared | null> {
  try {
    return await prepared(send, target, options);
  } catch {
    return null;
  }
}

async function prepared(send: Send, target: OpenTarget, { now, version }: SendOptions): Promise<Prepared> {
  const startedAt = now();
  const timestampSeconds = Math.floor(startedAt / 1000);
  const { bytes, contentType } = sendBody(target.format, send, target.topic);
  const signature = await signStandardWebhook({
    id: webhookId(send),
    timestampSeconds,
    body: bytes,
    // Not those of the lease: a grace that has ended since has ended.
    secrets: keysAt(target.secrets, startedAt),
  });
  // The gateway's own headers come last: none of the event or the subscription overrides them.
  const headers = {
    ...eventHeaders(target.format, send.event, target.topic),
    ...target.headers,
    ...requestHeaders({ send, target, version, timestampSeconds, contentType }),
    "webhook-signature": signature,
  };
  return { startedAt, init: { method: "POST", redirect: "manual", headers, body: bytes }, bodyBytes: bytes.length };
}

async function exchange(
  { startedAt, init }: Prepared,
  target: OpenTarget,
  { now, deadlines }: SendOptions,
): Promise<Exchange> {
  const answer = await fetched(
    target,
    init,
    (response) => answered(response, startedAt, now),
    deadlines ?? new Deadlines(now),
  );
  return answer.ok ? answer.value : failed(startedAt, now(), answer.error);
}

/** One request, and what is made of its answer, within the time of the target. */
async function fetched<T>(
  { url, timeoutSeconds }: Pick<OpenTarget, "url" | "timeoutSeconds">,
  init: RequestInit,
  read: (response: Response) => Promise<T>,
  deadlines: Deadlines,
): Promise<Result<T, AttemptError>> {
  const deadline = deadlines.open(timeoutSeconds * 1000);
  const { signal } = deadline.controller;
  try {
    return ok(await read(await fetch(url, { ...init, signal })));
  } catch (thrown) {
    return err(
      signal.aborted
        ? ({ code: "timeout", message: `No answer within ${timeoutSeconds} seconds.` } as const)
        : classifyFetchError(thrown, new URL(url).protocol),
    );
  } finally {
    deadlines.end(deadline);
  }
}

async function answered(response: Response, startedAt: number, now: () => number): Promise<Exchange> {
  const error = errorOfStatus(response.status);
  const retryAfter = RETRY_AFTER_STATUSES.includes(response.status) ? response.headers.get("retry-after") : null;
  const retryAfterMilliseconds = retryAfter === null ? null : parseRetryAfter(retryAfter, now());
  const kept = await readBody(response.body);
  return {
    kind: "answered",
    startedAt,
    durationMilliseconds: now() - startedAt,
    statusCode: response.status,
    error,
    response: { headers: keptHeaders(response.headers), ...kept },
    retryAfterMilliseconds,
    instruction: error === null ? null : instructionOf(response.headers),
  };
}

const failed = (startedAt: number, endedAt: number, error: AttemptError): Exchange => ({
  kind: "failed",
  startedAt,
  durationMilliseconds: endedAt - startedAt,
  statusCode: null,
  error,
  response: null,
  retryAfterMilliseconds: null,
  instruction: null,
});

/** A failure without a request: no connection was made. */
export const notSent = (
  identity: Pick<SendResult, "lease" | "offset" | "attemptId">,
  at: number,
  error: AttemptError,
): SendResult => ({ ...identity, ...failed(at, at, error), bodyBytes: 0 });
