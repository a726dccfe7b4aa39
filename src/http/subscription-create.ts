import type { Problem } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { parseTopicName } from "../core/names.ts";
import { EVENTS_TOPIC } from "../core/operational-event.ts";
import { err, ok, type Result } from "../core/result.ts";
import { calling, subscription } from "../rpc/objects.ts";
import type { SubscriptionView } from "../subscription/rpc.ts";
import type { Start } from "../topic-log/rpc.ts";
import type { Call } from "./call.ts";
import { verify } from "./handshake.ts";
import { ensureTopic, hasTopic } from "./lookup.ts";
import { noSuchTopic } from "./path.ts";
import { newSecret, settingsOfDocument } from "./subscription-config.ts";
import type { SubscriptionDocument } from "./subscription-schema.ts";
import { invalidDocument } from "./validate.ts";

const ID_RANDOM_BYTES = 10;

/**
 * Creates a subscription of a name that is free; without a name it is called by its id. Everything that can be refused
 * is refused before the topic comes into being. The secret is answered this once.
 */
export async function createSubscription(
  call: Call,
  document: SubscriptionDocument,
): Promise<Result<{ view: SubscriptionView; secret: string }, Problem>> {
  const { env, tenant, settings } = call;
  const topic = parseTopicName(document.topic, "allowed");
  if (!topic.ok) return err({ ...topic.error, errors: [{ pointer: "#/topic", detail: topic.error.detail }] });
  const wanted = await settingsOfDocument(document, {}, settings);
  if (!wanted.ok) return wanted;
  const secret = await newSecret(document.secret, settings.vault);
  if (!secret.ok) return secret;
  const verified = await verify(call, document.verification, wanted.value, null);
  if (!verified.ok) return verified;
  const there = await requireTopic(call, topic.value, document.start);
  if (!there.ok) return there;

  const now = Date.now();
  const id = newId("sub", now, crypto.getRandomValues(new Uint8Array(ID_RANDOM_BYTES)));
  const config = {
    ...wanted.value,
    ...verified.value,
    id,
    tenant,
    name: document.name ?? id,
    topic: topic.value,
    start: document.start,
    secrets: [{ ciphertext: secret.value.ciphertext, expiresAt: null }],
    createdAt: now,
    updatedAt: now,
  };
  const created = await calling(() => subscription(env, tenant, id).create(config, document.start));
  return created.ok ? ok({ view: created.value, secret: secret.value.text }) : created;
}

/** A topic that does not exist is created where the gateway does that; an offset in it can only be the first. */
async function requireTopic(call: Call, topic: string, start: Start): Promise<Result<unknown, Problem>> {
  const there = await hasTopic(call, topic);
  if (!there.ok || there.value) return there;
  // Of the gateway's own topics there is one; other names are nobody's to make.
  const made = topic === EVENTS_TOPIC || (call.settings.topicsAutoCreate && !topic.startsWith("sluice."));
  if (!made) return err(noSuchTopic());
  if (typeof start === "object" && "offset" in start && start.offset > 1) {
    return err(
      invalidDocument([{ pointer: "#/start", detail: "is beyond the end of the topic, which has no events yet" }]),
    );
  }
  return ensureTopic(call, topic);
}
