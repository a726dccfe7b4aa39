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

/**
 * Refuses a state directory on which another gateway runs: two would write to the same objects. What a killed one left
 * behind is recognised (its process is gone, or nobody answers at its address) and taken over.
 * Returns the function that gives the directory free again.
 */
export async function lockState(stateDirectory, origin) {
  const file = join(stateDirectory, "running.json");
  const holder = readHolder(file);
  if (holder !== null && isAlive(holder.pid) && (await ask(holder.origin, "", "GET", "/healthz")).status !== 0) {
    throw new Explained(
      `A gateway already runs on this state: ${holder.origin} (process ${holder.pid}).\n` +
        "Use that one, end it with Ctrl-C, or start another on a state of its own: npm start -- --persist-to .sluice-2",
    );
  }
  writeFileSync(file, JSON.stringify({ pid: process.pid, origin }));
  return () => rmSync(file, { force: true });
}
