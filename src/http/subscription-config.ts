import { FORMATS, takesBatches } from "../core/body.ts";
import { constantTimeEqual } from "../core/constant-time.ts";
import { checkCustomHeaders } from "../core/custom-headers.ts";
import type { Problem } from "../core/errors.ts";
import { type Filter, parseFilter } from "../core/filter.ts";
import { SECRET_GENERATED_BYTES } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatSecret, parseSecret } from "../core/secret.ts";
import { checkSubscriberUrl } from "../core/subscriber-url.ts";
import { VAULT_NONCE_BYTES, type Vault } from "../core/vault.ts";
import type { SubscriptionConfig, SubscriptionPatch } from "../subscription/rpc.ts";
import type { Settings } from "./settings.ts";
import type { SubscriptionChanges, SubscriptionDocument } from "./subscription-schema.ts";
import { HIDDEN } from "./subscription-view.ts";
import { type Fault, invalidDocument } from "./validate.ts";

/*
 * From what a user sends to what a Subscription keeps: the rules a schema cannot tell, and the encryption of what must
 * not be readable in storage.
 */

type SealedHeaders = SubscriptionConfig["headers"];

/**
 * All of a configuration that a PUT sets anew; `name`, `topic`, `start` and the secret belong to its creation, and what
 * comes of `verification` to the subscriber (handshake.ts).
 */
export type SubscriptionSettings = Required<Omit<SubscriptionPatch, "webhookOrigin">>;

/** The secret of a new subscription: the one given, else random bytes. The text is for the answer, once. */
export async function newSecret(
  given: string | undefined,
  vault: Vault,
): Promise<Result<{ text: string; ciphertext: string }, Problem>> {
  const bytes = given === undefined ? ok(randomBytes(SECRET_GENERATED_BYTES)) : parseSecret(given);
  if (!bytes.ok) return bytes;
  const text = formatSecret(bytes.value);
  return ok({ text, ciphertext: await seal(text, vault) });
}

/** Whether `given` is the secret in force, which a PUT may repeat but not change. */
export async function isPresentSecret(given: string, config: SubscriptionConfig, vault: Vault): Promise<boolean> {
  const [present] = config.secrets;
  return present !== undefined && constantTimeEqual(given, await vault.decrypt(present.ciphertext));
}

/** The settings of a whole document. `present`: the headers it has, whose values it may leave hidden. */
export async function settingsOfDocument(
  document: SubscriptionDocument,
  present: SealedHeaders,
  settings: Settings,
): Promise<Result<SubscriptionSettings, Problem>> {
  const url = checkSubscriberUrl(document.url, settings.allowPrivateTargets);
  if (!url.ok) return url;
  const filter = readFilter(document.filter);
  if (!filter.ok) return filter;
  const together = requireTogether(document, "batch");
  if (!together.ok) return together;
  const headers = await sealHeaders(document.headers, present, settings.vault);
  if (!headers.ok) return headers;
  const { description, ordering, format, timeoutSeconds, concurrency, rateLimit, batch, retry } = document;
  return ok({
    url: url.value,
    description,
    filter: filter.value,
    ordering,
    format,
    headers: headers.value,
    timeoutSeconds,
    concurrency,
    rateLimit,
    batch,
    retry,
    disableAfterSeconds: document.disableAfterSeconds,
  });
}

/** The settings that a PATCH changes. `present`: what there is, into which its headers are merged. */
export async function settingsOfChanges(
  changes: SubscriptionChanges,
  present: SubscriptionConfig,
  settings: Settings,
): Promise<Result<SubscriptionPatch, Problem>> {
  const { url, filter, headers, replyTopic, verification, ...plain } = changes;
  const patch: { -readonly [K in keyof SubscriptionPatch]: SubscriptionPatch[K] } = {};
  Object.assign(patch, Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined)));
  if (url !== undefined) {
    const checked = checkSubscriberUrl(url, settings.allowPrivateTargets);
    if (!checked.ok) return checked;
    patch.url = checked.value;
  }
  if (filter !== undefined) {
    const read = readFilter(filter);
    if (!read.ok) return read;
    patch.filter = read.value;
  }
  const together = requireTogether({ ...present, ...patch }, changes.batch === undefined ? "format" : "batch");
  if (!together.ok) return together;
  if (headers !== undefined) {
    const merged = mergedHeaders(headers, present.headers);
    if (!merged.ok) return merged;
    const sealed = await sealHeaders(merged.value, present.headers, settings.vault);
    if (!sealed.ok) return sealed;
    patch.headers = sealed.value;
  }
  return ok(patch);
}

/** In some formats the body is the data of one event: several of them would be no document. `named`: the member to blame. */
function requireTogether(
  { format, batch }: Pick<SubscriptionConfig, "format" | "batch">,
  named: "format" | "batch",
): Result<null, Problem> {
  if (takesBatches(format) || batch === null) return ok(null);
  const detail = `does not go with the other: the format ${format} has no batches, so use ${FORMATS.filter(takesBatches).join(" or ")}, or null as batch`;
  return err(invalidDocument([{ pointer: `#/${named}`, detail }]));
}

function readFilter(value: unknown): Result<Filter, Problem> {
  const filter = parseFilter(value, "#/filter");
  return filter.ok ? filter : err(invalidDocument(filter.error));
}

/** The headers after a merge (RFC 7396): those that are not mentioned stay as they are, still hidden. */
function mergedHeaders(
  changes: Readonly<Record<string, string | null>> | null,
  present: SealedHeaders,
): Result<Record<string, string>, Problem> {
  const merged = new Map(changes === null ? [] : Object.keys(present).map((name) => [name, HIDDEN]));
  const mentioned = new Set<string>();
  for (const [name, value] of Object.entries(changes ?? {})) {
    const key = name.toLowerCase();
    if (mentioned.has(key)) return err(invalidDocument([{ pointer: "#/headers", detail: "names a header twice" }]));
    mentioned.add(key);
    if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  return ok(Object.fromEntries(merged));
}

async function sealHeaders(
  headers: Readonly<Record<string, string>>,
  present: SealedHeaders,
  vault: Vault,
): Promise<Result<SealedHeaders, Problem>> {
  const checked = checkCustomHeaders(headers);
  if (!checked.ok) return checked;
  const sealed: [string, string][] = [];
  const faults: Fault[] = [];
  const kept = new Map(Object.entries(present));
  for (const [name, value] of Object.entries(checked.value)) {
    const ciphertext = value === HIDDEN ? kept.get(name) : await seal(value, vault);
    if (ciphertext !== undefined) sealed.push([name, ciphertext]);
    else faults.push({ pointer: `#/headers/${name}`, detail: `is ${HIDDEN}, which stands for a value already there` });
  }
  return faults.length === 0 ? ok(Object.fromEntries(sealed)) : err(invalidDocument(faults));
}

const seal = (text: string, vault: Vault): Promise<string> => vault.encrypt(text, randomBytes(VAULT_NONCE_BYTES));

const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));
