import { LIST_CONCURRENCY_MAX } from "../core/limits.ts";
import { err, ok } from "../core/result.ts";
import { calling, directory, subscription } from "../rpc/objects.ts";
import type { SubscriptionView } from "../subscription/rpc.ts";
import { jsonAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";
import { inGroups } from "./in-groups.ts";
import { isNamePosition } from "./query.ts";
import { subscriptionView } from "./subscription-view.ts";

/**
 * `GET /v1/subscriptions`, oldest first. State and health are known to each subscription alone, so a page asks `limit`
 * of them and shows those that fit: it may be empty with more to come.
 */
export async function listSubscriptions({ env, tenant, query }: Call): Promise<Answer> {
  const list = `subscriptions/${tenant}`;
  const topic = query.topic("topic");
  const state = query.oneOf("state", ["active", "paused", "disabled"]);
  const health = query.oneOf("health", ["healthy", "failing"]);
  const after = query.cursor(list, isNamePosition);
  const limit = query.limit();
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);

  const page = await calling(async () => ok(await directory(env, tenant).subscriptions(topic, after, limit)));
  if (!page.ok) return page;
  const views = await inGroups(page.value.subscriptions, LIST_CONCURRENCY_MAX, ({ id }) =>
    calling(() => subscription(env, tenant, id).view()),
  );
  const shown: SubscriptionView[] = [];
  for (const view of views) {
    if (view.ok) shown.push(view.value);
    // Deleted since it was listed.
    else if (view.error.code !== "not-found") return view;
  }
  const data = shown
    .filter((view) => (state === null || view.state === state) && (health === null || view.health.state === health))
    .map(subscriptionView);
  return ok(jsonAnswer({ data, next: query.next(list, page.value.next) }));
}
