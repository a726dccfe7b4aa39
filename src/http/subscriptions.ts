import { type Problem, problem } from "../core/errors.ts";
import { isSubscriptionId, parseSubscriptionName } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { SubscriptionRpc, SubscriptionView } from "../subscription/rpc.ts";
import { jsonAnswer, noContent } from "./answer.ts";
import { PATCH_TYPES, readJson } from "./body.ts";
import type { Answer, Call } from "./call.ts";
import { requireNoDocument } from "./documents.ts";
import { verificationOf, verify } from "./handshake.ts";
import { forgetSubscription, onSubscription, requireFreeName } from "./lookup.ts";
import { noSuchSubscription, parameter, subscriptionIn } from "./path.ts";
import { isPresentSecret, settingsOfChanges, settingsOfDocument } from "./subscription-config.ts";
import { createSubscription } from "./subscription-create.ts";
import { SubscriptionChanges, SubscriptionDocument } from "./subscription-schema.ts";
import { subscriptionView } from "./subscription-view.ts";
import { invalidDocument, validate } from "./validate.ts";

/** `POST /v1/subscriptions`: 201 with the secret. */
export async function postSubscription(call: Call): Promise<Answer> {
  const body = await readJson(call.request);
  if (!body.ok) return body;
  const document = validate(SubscriptionDocument, body.value);
  return document.ok ? create(call, document.value) : document;
}

/** `PUT /v1/subscriptions/{name}`: creates it (201 with the secret), or makes it what the document says (200). */
export async function putSubscription(call: Call): Promise<Answer> {
  const name = parameter(call, "subscription") ?? "";
  const named = isSubscriptionId(name) ? ok(name) : parseSubscriptionName(name);
  if (!named.ok) return named;
  const body = await readJson(call.request);
  if (!body.ok) return body;
  const document = validate(SubscriptionDocument, body.value);
  if (!document.ok) return document;

  const updated = await update(call, name, document.value);
  if (updated.ok || updated.error.code !== "not-found") return updated;
  // Ids are given out, not chosen.
  if (isSubscriptionId(name)) return err(noSuchSubscription());
  if (document.value.name !== undefined && document.value.name !== name) return err(otherName());
  const created = await create(call, { ...document.value, name });
  // Another request created it in between: then this one is the update.
  return created.ok || created.error.code !== "name-taken" ? created : update(call, name, document.value);
}

/** `GET /v1/subscriptions/{id}`. */
export const getSubscription = (call: Call): Promise<Answer> => show(call, (subscription) => subscription.view());

/** `PATCH /v1/subscriptions/{id}` (RFC 7396). */
export async function patchSubscription(call: Call): Promise<Answer> {
  const body = await readJson(call.request, PATCH_TYPES);
  if (!body.ok) return body;
  const changes = validate(SubscriptionChanges, body.value);
  if (!changes.ok) return changes;
  return show(call, async (subscription) => {
    const present = await subscription.view();
    if (!present.ok) return present;
    const { config } = present.value;
    const patch = await settingsOfChanges(changes.value, config, call.settings);
    if (!patch.ok) return patch;
    const verification = changes.value.verification ?? verificationOf(config);
    const verified = await verify(call, verification, { ...config, ...patch.value }, config);
    return verified.ok ? subscription.patch({ ...patch.value, ...verified.value }) : verified;
  });
}

/** `DELETE /v1/subscriptions/{id}`: answers when no send can start any more. */
export async function deleteSubscription(call: Call): Promise<Answer> {
  const idOrName = subscriptionIn(call);
  if (!idOrName.ok) return idOrName;
  const removed = await onSubscription(call, idOrName.value, async (subscription, entry) => {
    const gone = await subscription.remove();
    if (gone.ok) forgetSubscription(call, entry);
    return gone;
  });
  return removed.ok ? ok(noContent()) : removed;
}

/** `POST /v1/subscriptions/{id}/pause`. */
export const pauseSubscription = (call: Call): Promise<Answer> => act(call, (subscription) => subscription.pause());

/** `POST /v1/subscriptions/{id}/resume`. */
export const resumeSubscription = (call: Call): Promise<Answer> => act(call, (subscription) => subscription.resume());

async function create(call: Call, document: SubscriptionDocument): Promise<Answer> {
  const free = document.name === undefined ? ok(null) : await requireFreeName(call, document.name);
  if (!free.ok) return free;
  const created = await createSubscription(call, document);
  if (!created.ok) return created;
  return ok(jsonAnswer({ ...subscriptionView(created.value.view), secret: created.value.secret }, 201));
}

/** `not-found` when there is no such subscription yet. */
async function update(call: Call, idOrName: string, document: SubscriptionDocument): Promise<Answer> {
  const updated = await onSubscription(call, idOrName, async (subscription) => {
    const present = await subscription.view();
    if (!present.ok) return present;
    const { config } = present.value;
    const unchanged = await requireSameCreation(call, document, present.value);
    if (!unchanged.ok) return unchanged;
    const wanted = await settingsOfDocument(document, config.headers, call.settings);
    if (!wanted.ok) return wanted;
    const verified = await verify(call, document.verification, wanted.value, config);
    return verified.ok ? subscription.patch({ ...wanted.value, ...verified.value }) : verified;
  });
  return updated.ok ? ok(jsonAnswer(subscriptionView(updated.value))) : updated;
}

/** What is settled when a subscription is created may be repeated, but not changed. */
async function requireSameCreation(
  { settings }: Call,
  { name, topic, secret }: SubscriptionDocument,
  { config }: SubscriptionView,
): Promise<Result<null, Problem>> {
  if (name !== undefined && name !== config.name) return err(otherName());
  if (topic !== config.topic) {
    return err(
      problem("conflict", `This subscription is of the topic ${config.topic}, and a subscription cannot change it.`),
    );
  }
  if (secret !== undefined && !(await isPresentSecret(secret, config, settings.vault))) {
    return err(
      invalidDocument([{ pointer: "#/secret", detail: "is not the present one, and PUT does not change it" }]),
    );
  }
  return ok(null);
}

const otherName = (): Problem =>
  invalidDocument([{ pointer: "#/name", detail: "is not the name in the path; a name cannot be changed" }]);

async function show(
  call: Call,
  ask: (subscription: SubscriptionRpc) => Promise<Result<SubscriptionView, Problem>>,
): Promise<Answer> {
  const idOrName = subscriptionIn(call);
  if (!idOrName.ok) return idOrName;
  const view = await onSubscription(call, idOrName.value, ask);
  return view.ok ? ok(jsonAnswer(subscriptionView(view.value))) : view;
}

async function act(
  call: Call,
  ask: (subscription: SubscriptionRpc) => Promise<Result<SubscriptionView, Problem>>,
): Promise<Answer> {
  const body = await requireNoDocument(call.request);
  return body.ok ? show(call, ask) : body;
}
