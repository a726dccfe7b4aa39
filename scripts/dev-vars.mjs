/**
 * Writes .dev.vars with random secrets, once, so that `npx wrangler dev` works right after `npm install`. An existing
 * file is never touched: its encryption key is the only one that opens what is stored.
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./gateway/environment.mjs";
import { isMain } from "./gateway/main.mjs";

const FILE = join(ROOT, ".dev.vars");

const contents = () => `# Secrets of this machine's gateway. Not for git; a deployment has its own (see README.md).
SLUICE_ROOT_KEY=${randomBytes(24).toString("base64url")}
SLUICE_ENCRYPTION_KEY=${randomBytes(32).toString("base64")}
# Deliveries to localhost are only ever allowed on a developer's machine.
ALLOW_PRIVATE_TARGETS=true
`;

/** Returns whether the file was written now. */
export function ensureDevVars() {
  try {
    writeFileSync(FILE, contents(), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

if (isMain(import.meta.url)) {
  if (ensureDevVars()) console.log("Wrote .dev.vars with fresh secrets for this machine.");
}
