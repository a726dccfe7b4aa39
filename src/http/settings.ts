import { type Problem, problem } from "../core/errors.ts";
import { ROOT_KEY_MIN_CHARACTERS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { openVault, type Vault } from "../core/vault.ts";
import { calling, directory, GATEWAY_TENANT } from "../rpc/objects.ts";

/** What the gateway was started with, checked. */
export interface Settings {
  readonly rootKey: string;
  readonly vault: Vault;
  readonly allowPrivateTargets: boolean;
  readonly topicsAutoCreate: boolean;
}

/** The variables a gateway is started with, as they may come: a missing one is undefined whatever `Env` promises. */
export type Variables = Partial<
  Record<
    | "SLUICE_ROOT_KEY"
    | "SLUICE_ENCRYPTION_KEY"
    | "SLUICE_ENCRYPTION_KEY_PREVIOUS"
    | "ALLOW_PRIVATE_TARGETS"
    | "TOPICS_AUTO_CREATE",
    unknown
  >
>;

// A bearer token has no white space, and a header carries nothing beyond ASCII.
const SENDABLE = /^[\x21-\x7e]+$/;

let accepted: { readonly env: Env; readonly settings: Settings } | null = null;

/**
 * The settings of this gateway: `misconfigured` (500), naming the variable, while one is missing or malformed or the
 * encryption key is not the one the stored secrets need. Only success is remembered, for the life of the isolate.
 */
export async function settingsOf(env: Env): Promise<Result<Settings, Problem>> {
  if (accepted?.env === env) return ok(accepted.settings);
  const settings = await parseSettings(env);
  if (!settings.ok) return settings;
  const { keyId, previousKeyId } = settings.value.vault;
  const check = await calling(async () =>
    ok(await directory(env, GATEWAY_TENANT).checkEncryptionKey(keyId, previousKeyId)),
  );
  if (!check.ok) return check;
  if (check.value === "mismatch") {
    return misconfigured("SLUICE_ENCRYPTION_KEY", "is not the key this gateway's stored secrets were encrypted with");
  }
  accepted = { env, settings: settings.value };
  return settings;
}

/** Checks the variables one by one; the problem names the variable and its rule, never its value. */
export async function parseSettings(variables: Variables): Promise<Result<Settings, Problem>> {
  const rootKey = variables.SLUICE_ROOT_KEY;
  if (typeof rootKey !== "string" || rootKey.length < ROOT_KEY_MIN_CHARACTERS || !SENDABLE.test(rootKey)) {
    return misconfigured(
      "SLUICE_ROOT_KEY",
      `must be ${ROOT_KEY_MIN_CHARACTERS} or more printable ASCII characters without spaces`,
    );
  }
  const allowPrivateTargets = parseSwitch(variables.ALLOW_PRIVATE_TARGETS);
  if (allowPrivateTargets === null) return misconfigured("ALLOW_PRIVATE_TARGETS", "must be true or false");
  const topicsAutoCreate = parseSwitch(variables.TOPICS_AUTO_CREATE);
  if (topicsAutoCreate === null) return misconfigured("TOPICS_AUTO_CREATE", "must be true or false");

  const key = variables.SLUICE_ENCRYPTION_KEY;
  const previous = variables.SLUICE_ENCRYPTION_KEY_PREVIOUS;
  const rule = "must be 32 bytes in standard base64";
  if (typeof key !== "string") return misconfigured("SLUICE_ENCRYPTION_KEY", rule);
  if (previous !== undefined && typeof previous !== "string")
    return misconfigured("SLUICE_ENCRYPTION_KEY_PREVIOUS", rule);
  const vault = await openVault({ key, previous });
  if (!vault.ok) return misconfigured(vault.error, rule);

  return ok({ rootKey, vault: vault.value, allowPrivateTargets, topicsAutoCreate });
}

const parseSwitch = (text: unknown): boolean | null => (text === "true" ? true : text === "false" ? false : null);

const misconfigured = (variable: string, refusal: string) =>
  err(problem("misconfigured", `The variable ${variable} ${refusal}. Set it and start the gateway again.`));
