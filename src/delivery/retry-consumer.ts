import { parseRetryMessage } from "../core/messages.ts";
import { logLine } from "../log.ts";
import { subscription } from "../rpc/objects.ts";

/** In place of the name of the object: no object has an empty one. */
const UNREADABLE = "";

/**
 * Consumes a batch of the retry queue: every message says that a subscription should look whether something is due. It
 * asks, acknowledges and is done; a message that comes twice, late or never changes nothing but the moment. Messages are
 * acknowledged one by one, so that one object in trouble does not repeat the others' work.
 */
export async function consumeRetries(batch: MessageBatch<unknown>, env: Env): Promise<void> {
  const startedAt = Date.now();
  const bySubscription = Map.groupBy(batch.messages, ({ body }) => parseRetryMessage(body)?.subscription ?? UNREADABLE);
  const poison = bySubscription.get(UNREADABLE) ?? [];
  bySubscription.delete(UNREADABLE);
  // Kept in the queue it would only come back.
  for (const message of poison) message.ack();
  const retried = await Promise.all([...bySubscription].map(([name, hints]) => askWhetherDue(name, hints, env)));
  logLine("retry-batch", {
    queue: batch.queue,
    messages: batch.messages.length,
    subscriptions: bySubscription.size,
    poison: poison.length,
    ...(poison.length === 0 ? {} : { poisonIds: poison.map(({ id }) => id).join(" ") }),
    retried: retried.reduce((sum, count) => sum + count, 0),
    durationMilliseconds: Date.now() - startedAt,
  });
}

/**
 * @param name of the object, `<tenant>/<id>`.
 * @returns how many of the messages will come again.
 */
async function askWhetherDue(name: string, hints: readonly Message<unknown>[], env: Env): Promise<number> {
  const [tenant = "", id = ""] = name.split("/");
  try {
    await subscription(env, tenant, id).retryDue();
  } catch {
    for (const message of hints) message.retry();
    return hints.length;
  }
  for (const message of hints) message.ack();
  return 0;
}
