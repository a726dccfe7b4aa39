import type { Problem } from "../core/errors.ts";
import { isSubscriptionId } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatRfc3339 } from "../core/time.ts";
import type { DeadLetter } from "../directory/rpc.ts";
import { calling, directory } from "../rpc/objects.ts";
import type { DeadReason } from "../subscription/rpc.ts";
import { jsonAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";
import { findSubscription } from "./lookup.ts";
import { isNamePosition } from "./query.ts";

const REASONS: readonly DeadReason[] = ["exhausted", "aborted", "expired"];

/** `GET /v1/dead-letters`, newest first, over all subscriptions of the tenant. */
export async function listDeadLetters(call: Call): Promise<Answer> {
  const { env, tenant, query } = call;
  const list = `dead-letters/${tenant}`;
  const idOrName = query.take("subscription", (text) => text, "");
  const wanted = {
    topic: query.topic("topic"),
    reason: query.oneOf("reason", REASONS),
    since: query.time("since"),
    until: query.time("until"),
    cursor: query.cursor(list, isNamePosition),
    limit: query.limit(),
  };
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);
  const subscription = idOrName === null ? ok(null) : await idOf(call, idOrName);
  if (!subscription.ok) return subscription;

  const page = await calling(async () =>
    ok(await directory(env, tenant).deadLetters({ ...wanted, subscription: subscription.value })),
  );
  if (!page.ok) return page;
  return ok(jsonAnswer({ data: page.value.letters.map(view), next: query.next(list, page.value.next) }));
}

/** An id is taken as it is: of a subscription that was deleted nothing is listed, as nobody could redrive it. */
async function idOf(call: Call, idOrName: string): Promise<Result<string, Problem>> {
  if (isSubscriptionId(idOrName)) return ok(idOrName);
  const entry = await findSubscription(call, idOrName);
  return entry.ok ? ok(entry.value.id) : entry;
}

const view = ({ deadAt, lastAttempt, ...letter }: DeadLetter) => ({
  ...letter,
  deadAt: formatRfc3339(deadAt),
  lastAttempt: lastAttempt === null ? null : { ...lastAttempt, startedAt: formatRfc3339(lastAttempt.startedAt) },
});
