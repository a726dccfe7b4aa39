/*
 * The handshake by which a CloudEvents webhook target says that it wants requests (HTTP 1.1 Web Hooks for Event Delivery,
 * section 4). Permission by callback is not offered: the answer to the OPTIONS request decides.
 */

/** What a target is asked: may this origin send, and so often? */
export interface PermissionRequest {
  /** A DNS name for the gateway. */
  readonly origin: string;
  /** null: no rate is asked for. */
  readonly requestsPerMinute: number | null;
}

/** Why there is no permission: the member of the subscription it is about, and the end of a sentence about it. */
export interface Refusal {
  readonly member: "verification" | "rateLimit";
  readonly detail: string;
}

const POSITIVE = /^[1-9]\d*$/;

export const permissionHeaders = ({ origin, requestsPerMinute }: PermissionRequest): Record<string, string> => ({
  "webhook-request-origin": origin,
  ...(requestsPerMinute !== null && { "webhook-request-rate": String(requestsPerMinute) }),
});

/** Judges an answer; null is permission. `header` gives a header's value, or null. */
export function refusalOfPermission(
  { origin, requestsPerMinute }: PermissionRequest,
  status: number,
  header: (name: string) => string | null,
): Refusal | null {
  if (status < 200 || status > 299) return notAllowed(origin, `the answer was ${status}`);
  const allowed = header("webhook-allowed-origin")?.trim() ?? null;
  if (allowed === null) return notAllowed(origin, "the answer has no WebHook-Allowed-Origin");
  // A DNS name, so upper and lower case are the same.
  if (allowed !== "*" && allowed.toLowerCase() !== origin.toLowerCase())
    return notAllowed(origin, "WebHook-Allowed-Origin names another origin");
  const rate = header("webhook-allowed-rate")?.trim() ?? "*";
  if (requestsPerMinute === null || !POSITIVE.test(rate) || Number(rate) >= requestsPerMinute) return null;
  const perSecond = Math.floor(Number(rate) / 60);
  const advice =
    perSecond >= 1 ? `set perSecond to ${perSecond} or less` : "leave it out, and 429 slows deliveries down";
  return { member: "rateLimit", detail: `is more than the url allows, ${rate} requests a minute: ${advice}` };
}

/** Of an answer that did not come, or does not say yes. */
export const notAllowed = (origin: string, why: string): Refusal => ({
  member: "verification",
  detail:
    `failed: ${why}. Have the url answer OPTIONS with 200 and WebHook-Allowed-Origin: ${origin} (or *), ` +
    'or set verification to "none"',
});
