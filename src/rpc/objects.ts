import { type Problem, problem } from "../core/errors.ts";
import { err, type Result } from "../core/result.ts";
import type { DirectoryRpc } from "../directory/rpc.ts";
import { logLine } from "../log.ts";
import type { SubscriptionRpc } from "../subscription/rpc.ts";
import type { TopicLogRpc } from "../topic-log/rpc.ts";

/** The tenant whose Directory keeps what concerns the whole gateway; no tenant can be called that. */
export const GATEWAY_TENANT = "*";

/** A fresh stub each time: a stub that threw once must not be used again. */
export const topicLog = (env: Env, tenant: string, topic: string, partition = 0): TopicLogRpc =>
  env.TOPIC_LOG.getByName(`${tenant}/${topic}/${partition}`);

export const subscription = (env: Env, tenant: string, id: string): SubscriptionRpc =>
  env.SUBSCRIPTION.getByName(`${tenant}/${id}`);

export const directory = (env: Env, tenant: string): DirectoryRpc => env.DIRECTORY.getByName(tenant);

/** Turns what the platform throws (overload, an object reset under the call) into a problem the client can act on. */
export async function calling<T>(call: () => Promise<Result<T, Problem>>): Promise<Result<T, Problem>> {
  try {
    return await call();
  } catch (thrown) {
    // Not in the answer: it may name what is inside. In the log: a fault in an object must leave a trace.
    logLine("call-failed", { message: String(thrown) });
    const overloaded = typeof thrown === "object" && thrown !== null && "overloaded" in thrown && thrown.overloaded;
    return err(
      overloaded
        ? problem("overloaded", "This topic or subscription has more to do than it can take.", { retryAfterSeconds: 1 })
        : problem("unavailable", "The object that holds this did not answer.", { retryAfterSeconds: 1 }),
    );
  }
}
