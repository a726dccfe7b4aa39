/**
 * Installs the packages of package-lock.json when they are missing or others than it says, so that `npm start` and
 * `npm test` work as the first command in a fresh clone. Runs on the machine's own Node (20 or newer).
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installed, ROOT } from "./gateway/environment.mjs";
import { Explained, isMain, runMain } from "./gateway/main.mjs";

const readPackages = (file) => {
  try {
    return JSON.parse(readFileSync(join(ROOT, file), "utf8")).packages;
  } catch {
    return null;
  }
};

/** Compares what npm noted at its last install with the lock file: times say nothing after a checkout or a touch. */
function isInstalled() {
  const present = readPackages("node_modules/.package-lock.json");
  if (present === null || !existsSync(installed("node"))) return false;
  // Optional packages are those of other platforms, too.
  const wanted = Object.entries(readPackages("package-lock.json")).filter(([path, { optional }]) => path && !optional);
  return wanted.every(([path, { version }]) => present[path]?.version === version);
}

export function ensureInstalled() {
  if (isInstalled()) return;
  console.log("Installing the packages of package-lock.json (once; this takes a minute or two) ...");
  // `--include=dev`: the runtime and the tools are development dependencies, also where NODE_ENV says production.
  const { status } = spawnSync("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) {
    throw new Explained(
      "The packages could not be installed; npm's message is above.\n" +
        "The first install needs the package registry. Behind a proxy: npm config set proxy <url>. Then run the same command again.",
    );
  }
  if (!existsSync(installed("node"))) {
    throw new Explained(
      "The packages are there, but the install script of the `node` package did not run.\n" +
        "Allow it (npm config set ignore-scripts false), then: npm ci",
    );
  }
}

if (isMain(import.meta.url)) await runMain(ensureInstalled);
