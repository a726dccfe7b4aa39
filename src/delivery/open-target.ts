import { parseSecret } from "../core/secret.ts";
import type { SigningSecret } from "../core/signature.ts";
import { type Vault, VaultError } from "../core/vault.ts";
import type { Part, SealedSecret } from "../subscription/rpc.ts";

/** Where sends go, with secrets and custom headers decrypted: lives as long as a deliverer, and is never logged. */
export interface OpenTarget extends Omit<Part["target"], "secrets" | "headers"> {
  /** Newest first; at least one. */
  readonly secrets: readonly SigningSecret[];
  /** Lower-case name → value. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Throws VaultError when anything cannot be decrypted: a request is never sent unsigned or without its headers. */
export async function openTarget(target: Part["target"], vault: Vault): Promise<OpenTarget> {
  const [secrets, headers] = await Promise.all([
    Promise.all(target.secrets.map((secret) => openSecret(secret, vault))),
    Promise.all(
      Object.entries(target.headers).map(
        async ([name, ciphertext]) => [name, await vault.decrypt(ciphertext)] as const,
      ),
    ),
  ]);
  if (secrets.length === 0) throw new VaultError("the subscription has no signing secret");
  return { ...target, secrets, headers: Object.fromEntries(headers) };
}

async function openSecret({ ciphertext, expiresAt }: SealedSecret, vault: Vault): Promise<SigningSecret> {
  const secret = parseSecret(await vault.decrypt(ciphertext));
  if (!secret.ok) throw new VaultError("the stored secret is malformed");
  return { key: secret.value, expiresAt };
}
