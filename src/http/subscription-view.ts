import { formatRfc3339 } from "../core/time.ts";
import type { SubscriptionView } from "../subscription/rpc.ts";
import type { Start } from "../topic-log/rpc.ts";
import { verificationOf } from "./handshake.ts";

/** Shown in place of what is kept secret; sent back, it means "as it is". */
export const HIDDEN = "***";

/** A subscription as the API shows it (clause 5.1): never its secret, and of its headers only the names. */
export function subscriptionView({ config, ...view }: SubscriptionView) {
  const { health } = view;
  return {
    id: config.id,
    name: config.name,
    topic: config.topic,
    url: config.url,
    description: config.description,
    filter: config.filter,
    ordering: config.ordering,
    format: config.format,
    start: startView(config.start ?? "latest"),
    headers: Object.fromEntries(Object.keys(config.headers).map((name) => [name, HIDDEN])),
    timeoutSeconds: config.timeoutSeconds,
    concurrency: config.concurrency,
    rateLimit: config.rateLimit,
    batch: config.batch,
    retry: config.retry,
    disableAfterSeconds: config.disableAfterSeconds,
    replyTopic: null,
    verification: verificationOf(config),
    state: view.state,
    disabledReason: view.disabledReason,
    createdAt: formatRfc3339(config.createdAt),
    updatedAt: formatRfc3339(config.updatedAt),
    cursor: [{ partition: 0, offset: view.cursor }],
    lag: view.lag,
    oldestUnsettledAt: time(view.oldestUnsettledAt),
    health: {
      state: health.state,
      consecutiveFailures: health.consecutiveFailures,
      failingSince: time(health.failingSince),
      lastError: health.lastError,
      nextProbeAt: time(health.nextProbeAt),
      lastSuccessAt: time(health.lastSuccessAt),
      lastFailureAt: time(health.lastFailureAt),
    },
    redrive: view.redrive,
  };
}

const time = (ms: number | null): string | null => (ms === null ? null : formatRfc3339(ms));

const startView = (start: Start) =>
  typeof start === "object" && "time" in start ? { time: formatRfc3339(start.time) } : start;
