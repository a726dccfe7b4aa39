import { type Problem, problem } from "../core/errors.ts";
import { LIST_CONCURRENCY_MAX, STATS_CALLS_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatRfc3339 } from "../core/time.ts";
import type { SubscriptionEntry } from "../directory/rpc.ts";
import { calling, directory, subscription, topicLog } from "../rpc/objects.ts";
import { jsonAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";
import { inGroups } from "./in-groups.ts";
import { findSubscription, onSubscription, onTopic, whenAbsent } from "./lookup.ts";
import { RESOLUTIONS, type Span, StatsTable, spanOf } from "./stats-table.ts";

/** Of one topic or subscription, or of all there are. */
interface Scope {
  readonly topic: string | null;
  readonly subscription: SubscriptionEntry | null;
}

/** Whether everything was counted. */
type Counted = Result<boolean, Problem>;

/** `GET /v1/stats`: what was received and what was sent, in numbers, by buckets of time. */
export async function getStats(call: Call): Promise<Answer> {
  const { query } = call;
  const topic = query.topic("topic");
  const idOrName = query.take("subscription", (text) => text, "");
  const resolution = query.oneOf("resolution", RESOLUTIONS) ?? "hour";
  const since = query.time("since");
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);
  const span = spanOf(resolution, since, Date.now());
  if (!span.ok) return span;
  const scope = await scopeOf(call, topic, idOrName);
  if (!scope.ok) return scope;

  const table = new StatsTable(span.value);
  const events = await countEvents(call, scope.value, span.value, table);
  if (!events.ok) return events;
  const attempts = await countAttempts(call, scope.value, span.value, table);
  if (!attempts.ok) return attempts;
  return ok(
    jsonAnswer({
      resolution,
      since: formatRfc3339(span.value.since),
      until: formatRfc3339(span.value.until),
      data: table.data,
      complete: events.value && attempts.value,
    }),
  );
}

/** The events of a subscription are those of its topic. */
async function scopeOf(call: Call, topic: string | null, idOrName: string | null): Promise<Result<Scope, Problem>> {
  if (idOrName === null) return ok({ topic, subscription: null });
  const found = await findSubscription(call, idOrName);
  if (!found.ok) return found;
  const other = topic !== null && topic !== found.value.topic;
  if (other) return err(problem("not-found", "This topic has no such subscription."));
  return ok({ topic: found.value.topic, subscription: found.value });
}

async function countEvents(call: Call, scope: Scope, span: Span, table: StatsTable): Promise<Counted> {
  const { env, tenant } = call;
  const { since, until, bucketMilliseconds } = span;
  if (scope.topic !== null) {
    const counts = await onTopic(call, scope.topic, whenAbsent(scope.topic), (log) =>
      log.eventCounts(since, until, bucketMilliseconds),
    );
    if (!counts.ok) return counts;
    table.addEvents(counts.value);
    return ok(true);
  }
  const page = await calling(async () => ok(await directory(env, tenant).topics(null, STATS_CALLS_MAX)));
  if (!page.ok) return page;
  const all = await inGroups(page.value.topics, LIST_CONCURRENCY_MAX, (name) =>
    calling(() => topicLog(env, tenant, name).eventCounts(since, until, bucketMilliseconds)),
  );
  for (const counts of all) {
    if (counts.ok) table.addEvents(counts.value);
    // Deleted since it was listed.
    else if (counts.error.code !== "not-found") return counts;
  }
  return ok(page.value.next === null);
}

/** Each subscription once, then again those with more to look at: should there be too many, what is old is missing. */
async function countAttempts(call: Call, scope: Scope, span: Span, table: StatsTable): Promise<Counted> {
  const { env, tenant } = call;
  const one = scope.subscription;
  const page = await calling(async () =>
    one === null
      ? ok(await directory(env, tenant).subscriptions(scope.topic, null, STATS_CALLS_MAX))
      : ok({ subscriptions: [one], next: null }),
  );
  if (!page.ok) return page;
  let asking = page.value.subscriptions.map(({ id }): { id: string; before: number | null } => ({ id, before: null }));
  for (let calls = STATS_CALLS_MAX; asking.length > 0 && calls > 0; ) {
    const asked = asking.slice(0, calls);
    calls -= asked.length;
    const answers = await inGroups(asked, LIST_CONCURRENCY_MAX, async ({ id, before }) => {
      const query = { ...span, before };
      const counts = await (one === null
        ? calling(() => subscription(env, tenant, id).stats(query))
        : onSubscription(call, id, (object) => object.stats(query)));
      return { id, counts };
    });
    asking = asking.slice(asked.length);
    for (const { id, counts } of answers) {
      if (counts.ok) {
        table.addAttempts(counts.value.buckets);
        if (counts.value.next !== null) asking.push({ id, before: counts.value.next });
      } else if (one !== null || counts.error.code !== "not-found") return counts;
    }
  }
  return ok(asking.length === 0 && page.value.next === null);
}
