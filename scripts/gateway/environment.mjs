import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the project: where package.json and wrangler.toml lie. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

const BIN = join(ROOT, "node_modules", ".bin");

/** A program that `npm ci` has put into the project. */
export const installed = (name) => join(BIN, name);

/**
 * Environment of every tool this project runs. The path begins with node_modules/.bin because the Cloudflare tools
 * need a newer Node than the machine may have, and the `node` package lies there. The variables of environment.json
 * keep wrangler from calling home (metrics, error reports, update check, a sample of request.cf), which would make a
 * machine without internet wait, from writing each log line to its own file as well, and from keeping a trace of all that
 * happens beside the state, which grows without bound. They have Node keep what it has compiled, which saves wrangler a
 * tenth of its start.
 */
export function toolEnvironment(more = {}) {
  const quiet = JSON.parse(readFileSync(new URL("./environment.json", import.meta.url), "utf8"));
  return { ...process.env, ...quiet, PATH: [BIN, process.env.PATH ?? ""].join(delimiter), ...more };
}
