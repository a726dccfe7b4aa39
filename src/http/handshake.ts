import type { Problem } from "../core/errors.ts";
import { err, ok, type Result } from "../core/result.ts";
import { VERSION } from "../core/version.ts";
import { askPermission } from "../delivery/send.ts";
import type { SubscriptionConfig, SubscriptionPatch } from "../subscription/rpc.ts";
import { type Call, ownUrl } from "./call.ts";
import { invalidDocument } from "./validate.ts";

export type Verification = "none" | "handshake";

type Wanted = Pick<SubscriptionConfig, "url" | "timeoutSeconds" | "rateLimit">;
type Present = Pick<SubscriptionConfig, "url" | "webhookOrigin">;

const SECONDS_PER_MINUTE = 60;

export const verificationOf = ({ webhookOrigin }: Pick<Present, "webhookOrigin">): Verification =>
  typeof webhookOrigin === "string" ? "handshake" : "none";

/**
 * What `verification` (API clause 5.1) changes of a subscription: under which origin it may send. The subscriber is asked
 * here, by the route: an object never waits for one. Not again what it was asked before.
 */
export async function verify(
  call: Pick<Call, "request" | "settings">,
  verification: Verification,
  wanted: Wanted,
  present: Present | null,
): Promise<Result<Pick<SubscriptionPatch, "webhookOrigin">, Problem>> {
  const allowed = typeof present?.webhookOrigin === "string";
  if (verification === "none") return ok(allowed ? { webhookOrigin: null } : {});
  if (allowed && present.url === wanted.url) return ok({});
  const { url, timeoutSeconds, rateLimit } = wanted;
  const origin = ownUrl(call).hostname;
  const requestsPerMinute = rateLimit === null ? null : rateLimit.perSecond * SECONDS_PER_MINUTE;
  const refusal = await askPermission(
    { url, timeoutSeconds, origin, requestsPerMinute },
    { allowPrivate: call.settings.allowPrivateTargets, version: VERSION, now: () => Date.now() },
  );
  return refusal === null
    ? ok({ webhookOrigin: origin })
    : err(invalidDocument([{ pointer: `#/${refusal.member}`, detail: refusal.detail }]));
}
