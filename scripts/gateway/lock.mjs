import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "./http.mjs";
import { Explained } from "./main.mjs";

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

const fileOf = (stateDirectory) => join(stateDirectory, "running.json");

/**
 * Refuses a state directory on which another gateway runs: two would write to the same objects. What a killed one left
 * behind is recognised: its process is gone, or nobody answers at its address.
 */
export async function refuseStateInUse(stateDirectory) {
  const holder = readHolder(fileOf(stateDirectory));
  if (holder === null || !isAlive(holder.pid)) return;
  if ((await ask(holder.origin, "", "GET", "/healthz")).status === 0) return;
  throw new Explained(
    `A gateway already runs on this state: ${holder.origin} (process ${holder.pid}).\n` +
      "Use that one, end it with Ctrl-C, or start another on a state of its own: npm start -- --persist-to .sluice-2",
  );
}

/** Notes that this process uses the state directory; returns the function that gives it free again. */
export function holdState(stateDirectory, origin) {
  writeFileSync(fileOf(stateDirectory), JSON.stringify({ pid: process.pid, origin }));
  return () => rmSync(fileOf(stateDirectory), { force: true });
}
