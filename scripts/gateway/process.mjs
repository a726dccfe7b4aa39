import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { installed, ROOT, toolEnvironment } from "./environment.mjs";

const KEEPER = fileURLToPath(new URL("./keeper.mjs", import.meta.url));
/** How long `wrangler dev` may take to shut down when asked, before it is killed. */
const SHUTDOWN_MAX_MS = 5000;
const ENDED_POLL_MS = 25;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function groupExists(leader) {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts `wrangler dev` on a port and a state directory, in a process group of its own that ends with this process.
 * `onLine` is given each line of its output. Returns `exited` (a promise) and `stop()`, which resolves when no process
 * of the group is left.
 */
export function startGateway({ port, stateDirectory, onLine }) {
  const args = ["dev", "--port", String(port), "--persist-to", stateDirectory];
  args.push("--inspector-port", "0", "--show-interactive-dev-session=false");
  const child = spawn(installed("node"), [KEEPER, installed("wrangler"), ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    // Two gateways of one machine would otherwise find each other, and each other's queues, in wrangler's registry.
    env: toolEnvironment({ WRANGLER_REGISTRY_PATH: join(stateDirectory, "registry") }),
  });
  createInterface({ input: child.stdout }).on("line", onLine);
  createInterface({ input: child.stderr }).on("line", onLine);
  const exited = new Promise((resolve) => child.on("close", resolve));
  return { exited, stop: () => stopGroup(child.pid) };
}

async function stopGroup(leader) {
  const giveUpAt = Date.now() + SHUTDOWN_MAX_MS;
  if (groupExists(leader)) process.kill(-leader, "SIGTERM");
  while (groupExists(leader)) {
    if (Date.now() > giveUpAt) process.kill(-leader, "SIGKILL");
    await pause(ENDED_POLL_MS);
  }
}
