/**
 * `npm run check`: everything about the sources and the deployable bundle that can be told without running it, and
 * without an account: style, types, configuration, and what `wrangler deploy` would upload.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkBundle, exportsOf } from "./check/bundle.mjs";
import { checkClasses, checkQueues } from "./check/config.mjs";
import { ensureDevVars } from "./dev-vars.mjs";
import { paint } from "./gateway/deliveries.mjs";
import { ROOT, toolEnvironment } from "./gateway/environment.mjs";

const BUNDLE = join(ROOT, "dist", "worker");

/** Runs a tool of the project; its output is only shown when it fails. `wrong` finds a fault in a run that ended well. */
function tool(command, wrong = () => false) {
  const run = spawnSync(command, { cwd: ROOT, shell: true, encoding: "utf8", env: toolEnvironment({ NO_COLOR: "1" }) });
  const output = `${run.stdout}${run.stderr}`.trim();
  return run.status === 0 && !wrong(output) ? [] : [output];
}

/** The flags must be those the file was generated with. */
const typesCommand = () => JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).scripts.types;

const hasWarning = (output) => /\bWARN(?:ING)?\b|▲|deprecated/i.test(output);

function buildBundle() {
  rmSync(BUNDLE, { recursive: true, force: true });
  return tool(`wrangler deploy --dry-run --outdir "${BUNDLE}" --metafile`, hasWarning);
}

/** wrangler's own reader of its configuration, as written: with no defaults filled in. */
async function readConfig() {
  const { experimental_readRawConfig } = await import("wrangler");
  return experimental_readRawConfig({ config: join(ROOT, "wrangler.toml") }).rawConfig;
}

function bundleFaults() {
  const { faults, gzipBytes } = checkBundle(BUNDLE);
  if (faults.length === 0) console.log(paint("dim", `  ${Math.ceil(gzipBytes / 1024)} KiB compressed`));
  return faults;
}

const STEPS = [
  ["style and lint (biome)", () => tool("biome check .")],
  ["types", () => tool("tsc --noEmit")],
  ["types of the dashboard", () => tool("tsc --noEmit -p src/dashboard/tsconfig.json")],
  [
    "the lock file is complete (npm ci --dry-run)",
    () => tool("npm ci --dry-run --ignore-scripts --no-audit --no-fund"),
  ],
  ["the dashboard builds", () => tool("node scripts/build.mjs")],
  ["types of the bindings (wrangler types --check)", () => tool(`${typesCommand()} --check`)],
  ["the deployment builds (wrangler deploy --dry-run)", buildBundle],
  ["classes, bindings and migrations agree", async () => checkClasses(await readConfig(), exportsOf(BUNDLE))],
  ["queues are explicit and consumed", async () => checkQueues(await readConfig())],
  ["the bundle is small and has no test switch", bundleFaults],
];

/** A step that cannot even run (the bundle is missing, say) has failed, and the others still say what they find. */
async function faultsOf(step) {
  try {
    return await step();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

ensureDevVars();
const failed = [];
for (const [name, step] of STEPS) {
  process.stdout.write(`${name} ... `);
  const startedAt = Date.now();
  const faults = await faultsOf(step);
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(faults.length === 0 ? paint("green", `ok (${seconds} s)`) : paint("red", "FAILED"));
  for (const fault of faults) console.log(`\n${fault}\n`);
  if (faults.length > 0) failed.push(name);
}
if (failed.length === 0) console.log(paint("green", `\ncheck: all ${STEPS.length} steps passed`));
else console.log(paint("red", `\ncheck: ${failed.length} of ${STEPS.length} steps failed: ${failed.join("; ")}`));
process.exitCode = failed.length === 0 ? 0 : 1;
