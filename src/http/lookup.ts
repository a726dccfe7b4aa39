import { type Problem, problem } from "../core/errors.ts";
import { DIRECTORY_CACHE_MAX_ENTRIES, DIRECTORY_CACHE_MS, RETENTION_DEFAULT_DAYS } from "../core/limits.ts";
import { EVENTS_TOPIC } from "../core/operational-event.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { SubscriptionEntry } from "../directory/rpc.ts";
import { calling, directory, subscription, topicLog } from "../rpc/objects.ts";
import type { SubscriptionRpc } from "../subscription/rpc.ts";
import type { TopicLogRpc, TopicSettings } from "../topic-log/rpc.ts";
import type { Call } from "./call.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { noSuchSubscription, noSuchTopic } from "./path.ts";

/*
 * What the Directory knows is remembered for DIRECTORY_CACHE_MS, so that it is not on the road of an event. Only finds
 * are: a name that was not there may be a moment later. A find may be out of date, so an object that answers
 * "not-found" makes us forget it and look once more.
 */
const topics = new ExpiringMap<true>(DIRECTORY_CACHE_MS, DIRECTORY_CACHE_MAX_ENTRIES);
const subscriptions = new ExpiringMap<SubscriptionEntry>(DIRECTORY_CACHE_MS, DIRECTORY_CACHE_MAX_ENTRIES);

type Whose = Pick<Call, "env" | "tenant">;

export const DEFAULT_TOPIC_SETTINGS: TopicSettings = {
  description: "",
  retentionDays: RETENTION_DEFAULT_DAYS,
  retentionBytes: null,
  types: {},
};

/** Whether the topic exists, asked of the Directory. */
export async function hasTopic({ env, tenant }: Whose, topic: string): Promise<Result<boolean, Problem>> {
  const found = await calling(async () => ok(await directory(env, tenant).hasTopic(topic)));
  if (found.ok && found.value) topics.set(`${tenant}/${topic}`, true, Date.now());
  return found;
}

/** Creates the topic where it is absent. */
export async function ensureTopic(
  { env, tenant }: Whose,
  topic: string,
  settings: TopicSettings = DEFAULT_TOPIC_SETTINGS,
): Promise<Result<{ created: boolean }, Problem>> {
  const ensured = await calling(() => directory(env, tenant).ensureTopic(topic, settings));
  if (ensured.ok) topics.set(`${tenant}/${topic}`, true, Date.now());
  return ensured;
}

export function forgetTopic({ tenant }: Whose, topic: string): void {
  topics.delete(`${tenant}/${topic}`);
}

/** Of who reads: the topic of operational events is there for everybody, before its first event too. */
export const whenAbsent = (topic: string): "create" | Problem => (topic === EVENTS_TOPIC ? "create" : noSuchTopic());

/** Asks the log of a topic. One that does not exist is created first (`create`), or the refusal is answered. */
export async function onTopic<T>(
  whose: Whose,
  topic: string,
  ifAbsent: "create" | Problem | (() => Promise<"create" | Problem>),
  ask: (log: TopicLogRpc) => Promise<Result<T, Problem>>,
): Promise<Result<T, Problem>> {
  const remembered = topics.get(`${whose.tenant}/${topic}`, Date.now()) !== null;
  if (remembered) {
    const answer = await calling(() => ask(topicLog(whose.env, whose.tenant, topic)));
    if (answer.ok || answer.error.code !== "not-found") return answer;
    forgetTopic(whose, topic);
  }
  const absent = typeof ifAbsent === "function" ? await ifAbsent() : ifAbsent;
  const there = absent === "create" ? await ensureTopic(whose, topic) : await hasTopic(whose, topic);
  if (!there.ok) return there;
  if (absent !== "create" && there.value === false) return err(absent);
  return calling(() => ask(topicLog(whose.env, whose.tenant, topic)));
}

/** The entry of a subscription, by id or name; `not-found` (404). */
export async function findSubscription(whose: Whose, idOrName: string): Promise<Result<SubscriptionEntry, Problem>> {
  const remembered = subscriptions.get(`${whose.tenant}/${idOrName}`, Date.now());
  return remembered === null ? lookUpSubscription(whose, idOrName) : ok(remembered);
}

/** Asks a subscription, by id or name; `not-found` (404). */
export async function onSubscription<T>(
  whose: Whose,
  idOrName: string,
  ask: (subscription: SubscriptionRpc, entry: SubscriptionEntry) => Promise<Result<T, Problem>>,
): Promise<Result<T, Problem>> {
  const { env, tenant } = whose;
  const call = (entry: SubscriptionEntry) => calling(() => ask(subscription(env, tenant, entry.id), entry));
  const remembered = subscriptions.get(`${tenant}/${idOrName}`, Date.now());
  if (remembered !== null) {
    const answer = await call(remembered);
    if (answer.ok || answer.error.code !== "not-found") return answer;
    forgetSubscription(whose, remembered);
  }
  const entry = await lookUpSubscription(whose, idOrName);
  if (!entry.ok) return entry;
  const answer = await call(entry.value);
  if (!answer.ok && answer.error.code === "not-found") forgetSubscription(whose, entry.value);
  return answer;
}

export function forgetSubscription({ tenant }: Whose, { id, name }: SubscriptionEntry): void {
  subscriptions.delete(`${tenant}/${id}`);
  subscriptions.delete(`${tenant}/${name}`);
}

/**
 * `name-taken` (409) if a living subscription has the name. The entry of one that was just deleted may still be in the
 * Directory; it is taken out, so that a name is free as soon as its DELETE was answered.
 */
export async function requireFreeName(whose: Whose, name: string): Promise<Result<null, Problem>> {
  const { env, tenant } = whose;
  const entry = await lookUpSubscription(whose, name);
  if (!entry.ok) return entry.error.code === "not-found" ? ok(null) : entry;
  const view = await calling(() => subscription(env, tenant, entry.value.id).view());
  if (view.ok) return err(problem("name-taken", "Another subscription has this name. Choose another name, or PUT it."));
  if (view.error.code !== "not-found") return view;
  forgetSubscription(whose, entry.value);
  return calling(async () => {
    await directory(env, tenant).removeSubscription(entry.value.id);
    return ok(null);
  });
}

async function lookUpSubscription(
  { env, tenant }: Whose,
  idOrName: string,
): Promise<Result<SubscriptionEntry, Problem>> {
  const found = await calling(async () => ok(await directory(env, tenant).subscription(idOrName)));
  if (!found.ok) return found;
  if (found.value === null) return err(noSuchSubscription());
  subscriptions.set(`${tenant}/${idOrName}`, found.value, Date.now());
  return ok(found.value);
}
