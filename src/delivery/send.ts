import { sendBody } from "../core/body.ts";
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
import { type AttemptError, classifyFetchError } from "./fetch-error.ts";
import type { OpenTarget } from "./open-target.ts";

export interface SendOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly allowPrivate: boolean;
  readonly version: string;
  /** Unix milliseconds after which the request must not be started (src/core/limits.ts SEND_START_MAX_MS). */
  readonly startBy: number;
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
  const allowed = checkSubscriberUrl(target.url, options.allowPrivate);
  if (!allowed.ok) return notSent(identity, options.now(), { code: "denied", message: allowed.error.detail });
  const prepared = await prepare(send, target, options);
  if (prepared === null) return notSent(identity, options.now(), UNSENDABLE);
  // After the signing, which takes its time on a busy machine: this is the last moment before the request.
  if (options.now() > options.startBy) return { ...identity, kind: "unsent" };
  return { ...identity, ...(await exchange(prepared, target, options)), bodyBytes: prepared.bodyBytes };
}

/**
 * Asks a subscriber whether it wants requests at all (API clause 5.1 `verification`), under the rules of a send. null: it
 * does. Never throws.
 */
export async function askPermission(
  request: PermissionRequest & { readonly url: string; readonly timeoutSeconds: number },
  options: Pick<SendOptions, "allowPrivate" | "version">,
): Promise<Refusal | null> {
  const allowed = checkSubscriberUrl(request.url, options.allowPrivate);
  if (!allowed.ok) return notAllowed(request.origin, allowed.error.detail);
  const headers = { ...permissionHeaders(request), "user-agent": `Sluice/${options.version}` };
  const answer = await fetched(request, { method: "OPTIONS", redirect: "manual", headers }, async (response) => {
    await response.body?.cancel();
    return refusalOfPermission(request, response.status, (name) => response.headers.get(name));
  });
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
    readonly headers: Headers;
    readonly body: Uint8Array;
  };
  readonly bodyBytes: number;
}

/** Body, signature and headers; null when a header value cannot be sent. */
async function prepare(send: Send, target: OpenTarget, { now, version }: SendOptions): Promise<Prepared | null> {
  const startedAt = now();
  const timestampSeconds = Math.floor(startedAt / 1000);
  try {
    const { bytes, contentType } = sendBody(target.format, send, target.topic);
    const signature = await signStandardWebhook({
      id: webhookId(send),
      timestampSeconds,
      body: bytes,
      // Not those of the lease: a grace that has ended since has ended.
      secrets: keysAt(target.secrets, startedAt),
    });
    // The gateway's own headers come last: none of the event or the subscription overrides them.
    const headers = new Headers({
      ...eventHeaders(target.format, send.event, target.topic),
      ...target.headers,
      ...requestHeaders({ send, target, version, timestampSeconds, contentType }),
      "webhook-signature": signature,
    });
    return { startedAt, init: { method: "POST", redirect: "manual", headers, body: bytes }, bodyBytes: bytes.length };
  } catch {
    return null;
  }
}

async function exchange({ startedAt, init }: Prepared, target: OpenTarget, { now }: SendOptions): Promise<Exchange> {
  const answer = await fetched(target, init, (response) => answered(response, startedAt, now));
  return answer.ok ? answer.value : failed(startedAt, now(), answer.error);
}

/** One request, and what is made of its answer, within the time of the target. */
async function fetched<T>(
  { url, timeoutSeconds }: Pick<OpenTarget, "url" | "timeoutSeconds">,
  init: RequestInit,
  read: (response: Response) => Promise<T>,
): Promise<Result<T, AttemptError>> {
  const deadline = new AbortController();
  // Not AbortSignal.timeout: it cannot be cleared, and a deliverer of many fast sends would run out of timers.
  const timer = setTimeout(() => deadline.abort(), timeoutSeconds * 1000);
  try {
    return ok(await read(await fetch(url, { ...init, signal: deadline.signal })));
  } catch (thrown) {
    return err(
      deadline.signal.aborted
        ? ({ code: "timeout", message: `No answer within ${timeoutSeconds} seconds.` } as const)
        : classifyFetchError(thrown, new URL(url).protocol),
    );
  } finally {
    clearTimeout(timer);
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
