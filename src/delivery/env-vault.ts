import type { Result } from "../core/result.ts";
import { openVault, type Vault } from "../core/vault.ts";

interface VaultEnv {
  readonly SLUICE_ENCRYPTION_KEY: string;
  readonly SLUICE_ENCRYPTION_KEY_PREVIOUS?: string;
}

let opened: {
  readonly key: string;
  readonly previous: string | undefined;
  readonly vault: Promise<Result<Vault, string>>;
} | null = null;

/**
 * The vault of the configured keys; the error is the name of the malformed variable. Opened once per isolate and again
 * only when the configuration differs: importing a key for every delivery would cost more than using it.
 */
export function vaultOf(env: VaultEnv): Promise<Result<Vault, string>> {
  const { SLUICE_ENCRYPTION_KEY: key, SLUICE_ENCRYPTION_KEY_PREVIOUS: previous } = env;
  if (opened === null || opened.key !== key || opened.previous !== previous) {
    opened = { key, previous, vault: openVault({ key, previous }) };
  }
  return opened.vault;
}
