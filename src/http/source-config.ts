import type { Problem } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { parseTopicName } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { HmacOptions, SourceOptions } from "../core/source-options.ts";
import { newSourceToken, SOURCE_TOKEN_RANDOM_BYTES } from "../core/source-token.ts";
import { VAULT_NONCE_BYTES, type Vault } from "../core/vault.ts";
import type { SourceEntry } from "../directory/rpc.ts";
import { type ProviderName, providerOf } from "../sources/registry.ts";
import type { OptionsDocument, SourceDocument } from "./source-schema.ts";
import { type Fault, invalidDocument } from "./validate.ts";

/*
 * From what a user sends to what the Directory keeps: the rules a schema cannot tell, and the encryption of the secrets.
 */

const ID_RANDOM_BYTES = 10;

/** All of a source that a PUT sets anew. */
export type SourceSettings = Pick<SourceEntry, "topic" | "secrets" | "options">;

/** A source that is new: its id, and the token of its URL. */
export async function newSource(
  { name, provider, settings }: { name: string | undefined; provider: ProviderName; settings: SourceSettings },
  tenant: string,
  tokenKey: string,
): Promise<SourceEntry> {
  const now = Date.now();
  const id = newId("src", now, randomBytes(ID_RANDOM_BYTES));
  const token = await newSourceToken(tokenKey, tenant, randomBytes(SOURCE_TOKEN_RANDOM_BYTES));
  return { ...settings, id, name: name ?? id, provider, token, createdAt: now, updatedAt: now };
}

/** The settings of a whole document. */
export async function settingsOfSource(
  document: SourceDocument,
  vault: Vault,
): Promise<Result<SourceSettings, Problem>> {
  const { provider } = document;
  const topic = readTopic(document.topic);
  if (!topic.ok) return topic;
  const secrets = await sealSecrets(document.secrets, provider, vault);
  if (!secrets.ok) return secrets;
  const options = readOptions(document.options, provider);
  if (!options.ok) return options;
  return ok({ topic: topic.value, secrets: secrets.value, options: options.value });
}

/** Where its events go; the gateway's own topics are closed to it, as to any publisher. */
export function readTopic(name: string): Result<string, Problem> {
  const topic = parseTopicName(name, "refused");
  return topic.ok ? topic : err({ ...topic.error, errors: [{ pointer: "#/topic", detail: topic.error.detail }] });
}

/** The ciphertext of the secrets, which must be as the provider's are. */
export async function sealSecrets(
  secrets: readonly string[],
  provider: ProviderName,
  vault: Vault,
): Promise<Result<string, Problem>> {
  const { signs, refusedSecret } = providerOf(provider);
  const faults = secrets.flatMap((secret, index): Fault[] => {
    const detail = refusedSecret(secret);
    return detail === null ? [] : [{ pointer: `#/secrets/${index}`, detail }];
  });
  if (signs && secrets.length === 0) {
    faults.push({
      pointer: "#/secrets",
      detail: `must have at least one: requests of ${provider} are verified with it`,
    });
  }
  if (faults.length > 0) return err(invalidDocument(faults));
  return ok(await vault.encrypt(JSON.stringify(secrets), randomBytes(VAULT_NONCE_BYTES)));
}

export async function openSecrets(ciphertext: string, vault: Vault): Promise<readonly string[]> {
  const secrets: readonly string[] = JSON.parse(await vault.decrypt(ciphertext));
  return secrets;
}

/** The options with what they leave out. Those about a signature are of the provider `hmac` alone, and it needs one. */
export function readOptions(document: OptionsDocument, provider: ProviderName): Result<SourceOptions, Problem> {
  const { typeFrom = null, keyFrom = null, idempotencyFrom = null, ...signature } = document;
  const places = { typeFrom, keyFrom, idempotencyFrom };
  if (provider === "hmac") {
    const hmac = hmacOptions(signature);
    if (hmac !== null) return ok({ ...places, hmac });
    return err(invalidDocument([{ pointer: "#/options/header", detail: "is missing: where the signature is" }]));
  }
  const given = Object.entries(signature).filter(([, value]) => value !== undefined && value !== null);
  if (given.length === 0) return ok({ ...places, hmac: null });
  const detail = "is only of the provider hmac";
  return err(invalidDocument(given.map(([name]) => ({ pointer: `#/options/${name}`, detail }))));
}

function hmacOptions({ header, algorithm, encoding, prefix }: OptionsDocument): HmacOptions | null {
  if (header === undefined || header === null) return null;
  return {
    header: header.toLowerCase(),
    algorithm: algorithm ?? "sha256",
    encoding: encoding ?? "hex",
    prefix: prefix ?? "",
  };
}

/** The options after a PATCH: null takes one away. */
export function mergedOptions(
  changes: OptionsDocument | null,
  present: SourceOptions,
  provider: ProviderName,
): Result<SourceOptions, Problem> {
  const { hmac, ...places } = present;
  return readOptions(changes === null ? {} : { ...places, ...hmac, ...changes }, provider);
}

const randomBytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
