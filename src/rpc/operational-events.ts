import { PROBLEMS, type ProblemCode } from "../core/errors.ts";
import { RETENTION_DEFAULT_DAYS } from "../core/limits.ts";
import { EVENTS_TOPIC, type OperationalEvent, operationalAppend } from "../core/operational-event.ts";
import type { DirectoryRpc } from "../directory/rpc.ts";
import { logLine } from "../log.ts";
import type { TopicLogRpc, TopicSettings } from "../topic-log/rpc.ts";
import { directory, topicLog } from "./objects.ts";

const SETTINGS: TopicSettings = {
  description: "",
  retentionDays: RETENTION_DEFAULT_DAYS,
  retentionBytes: null,
  types: {},
};

/** Where a tenant's operational events go: its log of them, and who makes that log. */
export interface EventsPlace {
  log(): Pick<TopicLogRpc, "append">;
  directory(): Pick<DirectoryRpc, "ensureTopic">;
}

export const eventsPlace = (env: Env, tenant: string): EventsPlace => ({
  log: () => topicLog(env, tenant, EVENTS_TOPIC),
  directory: () => directory(env, tenant),
});

/**
 * Appends operational events; the topic is made with the first. Throws when that has to be tried again. What is refused
 * for good is logged and given up: an event about the gateway must not hold up the gateway.
 */
export async function publishOperational(events: readonly OperationalEvent[], place: EventsPlace): Promise<void> {
  if (events.length === 0) return;
  const request = operationalAppend(events);
  let appended: Awaited<ReturnType<TopicLogRpc["append"]>> = await place.log().append(request);
  if (!appended.ok && appended.error.code === "not-found") {
    const made = await place.directory().ensureTopic(EVENTS_TOPIC, SETTINGS);
    appended = made.ok ? await place.log().append(request) : made;
  }
  if (appended.ok) return;
  const { code } = appended.error;
  if (!isFinal(code)) throw new Error(code);
  logLine("operational-events-refused", { code, events: events.map(({ happening }) => happening).join(" ") });
}

const isFinal = (code: ProblemCode): boolean =>
  code === "topic-full" || (PROBLEMS[code].status < 500 && code !== "not-found");
