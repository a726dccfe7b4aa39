import * as v from "valibot";
import { type Problem, problem } from "../core/errors.ts";
import { parseEventTypes } from "../core/event-types.ts";
import {
  DESCRIPTION_MAX_CHARACTERS,
  LIST_CONCURRENCY_MAX,
  PARTITIONS_MAX,
  RETENTION_DEFAULT_DAYS,
  RETENTION_MAX_DAYS,
  RETENTION_MIN_BYTES,
  TOPIC_DELETE_SUBSCRIPTIONS_MAX,
} from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatRfc3339 } from "../core/time.ts";
import { calling, directory, subscription, topicLog } from "../rpc/objects.ts";
import type { PartitionDescription, TopicLogRpc, TypesDescription } from "../topic-log/rpc.ts";
import { jsonAnswer, noContent } from "./answer.ts";
import { readOptionalJson } from "./body.ts";
import type { Answer, Call } from "./call.ts";
import { inGroups } from "./in-groups.ts";
import { ensureTopic, forgetTopic, hasTopic, onTopic, whenAbsent } from "./lookup.ts";
import { noSuchTopic, topicIn } from "./path.ts";
import { isNamePosition } from "./query.ts";
import { invalidDocument, members, prose, validate, wholeNumber } from "./validate.ts";

/** A topic as PUT sets it: what is left out has its default, also where the topic had something else. */
const TopicDocument = members({
  description: v.optional(prose(DESCRIPTION_MAX_CHARACTERS), ""),
  retentionDays: v.optional(wholeNumber(1, RETENTION_MAX_DAYS), RETENTION_DEFAULT_DAYS),
  retentionBytes: v.optional(v.nullable(wholeNumber(RETENTION_MIN_BYTES, Number.MAX_SAFE_INTEGER)), null),
  partitions: v.optional(wholeNumber(1, PARTITIONS_MAX), 1),
  // Judged by src/core/event-types.ts.
  types: v.optional(v.unknown()),
});

/** `PUT /v1/topics/{topic}`: 201 created, 200 changed. */
export async function putTopic(call: Call): Promise<Answer> {
  const topic = topicIn(call, "refused");
  if (!topic.ok) return topic;
  const body = await readOptionalJson(call.request);
  if (!body.ok) return body;
  const document = validate(TopicDocument, body.value);
  if (!document.ok) return document;
  const { partitions, types: given, ...others } = document.value;
  const types = parseEventTypes(given, "#/types");
  if (!types.ok) return err(invalidDocument(types.error));
  const settings = { ...others, types: types.value };
  const refused = partitions === 1 ? null : await partitionsRefused(call, topic.value);
  if (refused !== null) return err(refused);

  const ensured = await ensureTopic(call, topic.value, settings);
  if (!ensured.ok) return ensured;
  const { created } = ensured.value;
  const described = await calling(async () => {
    const log = topicLog(call.env, call.tenant, topic.value);
    return withTypes(log, created ? log.describe() : log.configure(settings));
  });
  if (!described.ok) return described;
  return ok(jsonAnswer(wholeView(topic.value, described.value), created ? 201 : 200));
}

/** Of a topic that exists, partitions cannot change; for a new one there is no choice yet. */
async function partitionsRefused(call: Call, topic: string): Promise<Problem> {
  const there = await hasTopic(call, topic);
  if (!there.ok) return there.error;
  if (there.value) return problem("conflict", "The partitions of a topic cannot change. It has 1.");
  return invalidDocument([{ pointer: "#/partitions", detail: "must be 1: more partitions are not available yet" }]);
}

/** `GET /v1/topics/{topic}`. */
export async function getTopic(call: Call): Promise<Answer> {
  const topic = topicIn(call, "allowed");
  if (!topic.ok) return topic;
  const described = await onTopic(call, topic.value, whenAbsent(topic.value), (log) => withTypes(log, log.describe()));
  return described.ok ? ok(jsonAnswer(wholeView(topic.value, described.value))) : described;
}

/** `GET /v1/topics`, by name; without the types, which may be large. */
export async function listTopics({ env, tenant, query }: Call): Promise<Answer> {
  const after = query.cursor("topics", isNamePosition);
  const limit = query.limit();
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);

  const page = await calling(async () => ok(await directory(env, tenant).topics(after, limit)));
  if (!page.ok) return page;
  const described = await inGroups(page.value.topics, LIST_CONCURRENCY_MAX, async (topic) => ({
    topic,
    description: await calling(() => topicLog(env, tenant, topic).describe()),
  }));
  const data = [];
  for (const { topic, description } of described) {
    if (description.ok) data.push(view(topic, description.value));
    // Deleted since it was listed.
    else if (description.error.code !== "not-found") return description;
  }
  return ok(jsonAnswer({ data, next: query.next("topics", page.value.next) }));
}

/**
 * `DELETE /v1/topics/{topic}`. The log ends its subscriptions by itself, also after a crash; they are ended here too, so
 * that they are gone with the answer. Deleting again what a crash left half deleted completes it.
 */
export async function deleteTopic(call: Call): Promise<Answer> {
  const { env, tenant, query } = call;
  const topic = topicIn(call, "refused");
  if (!topic.ok) return topic;
  const force = query.flag("force");
  const refusal = query.refusal();
  if (refusal !== null) return err(refusal);

  // Not asked of the log: an object comes into being when it is called, also under a name nobody ever used.
  const known = await hasTopic(call, topic.value);
  if (!known.ok) return known;
  if (!known.value) return err(noSuchTopic());
  const destroyed = await calling(() => topicLog(env, tenant, topic.value).destroy(force));
  if (!destroyed.ok && destroyed.error.code !== "not-found") return destroyed;
  if (destroyed.ok) {
    const ended = destroyed.value.subscriptions.slice(0, TOPIC_DELETE_SUBSCRIPTIONS_MAX);
    await inGroups(ended, LIST_CONCURRENCY_MAX, (id) => calling(() => subscription(env, tenant, id).remove()));
  }
  const removed = await calling(async () => ok(await directory(env, tenant).removeTopic(topic.value)));
  if (!removed.ok) return removed;
  forgetTopic(call, topic.value);
  return destroyed.ok ? ok(noContent()) : err(noSuchTopic());
}

type Whole = PartitionDescription & TypesDescription;

async function withTypes(
  log: TopicLogRpc,
  asked: Promise<Result<PartitionDescription, Problem>>,
): Promise<Result<Whole, Problem>> {
  const description = await asked;
  if (!description.ok) return description;
  const types = await log.types();
  return types.ok ? ok({ ...description.value, ...types.value }) : types;
}

const wholeView = (name: string, { types, warnings, ...log }: Whole) => ({ ...view(name, log), types, warnings });

function view(name: string, log: PartitionDescription) {
  const { description, retentionDays, retentionBytes, partition, firstOffset, nextOffset, bytes } = log;
  return {
    name,
    description,
    retentionDays,
    retentionBytes,
    partitions: 1,
    createdAt: formatRfc3339(log.createdAt),
    log: [{ partition, firstOffset, nextOffset, bytes }],
    subscriptions: log.subscriptions,
  };
}
