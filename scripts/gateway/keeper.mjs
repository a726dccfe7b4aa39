/**
 * Runs a command as the leader of a process group and ends the whole group when the command ends, or when whoever
 * started the keeper is gone: its standard input is held open by the starter, and closes even when the starter is
 * killed. `wrangler dev` leaves its workerd behind otherwise, and a second one on the same state would be two writers.
 *
 * Usage: node keeper.mjs <command> [argument ...], spawned with `detached: true` and a piped stdin.
 */
import { spawn } from "node:child_process";

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });

// Includes the keeper itself: nothing of the group is left, in whatever state it was.
const endGroup = () => process.kill(-process.pid, "SIGKILL");

// A signal to the group reaches the command as well; the keeper stays until the command has shut down.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

child.on("exit", endGroup);
child.on("error", (error) => {
  console.error(`${command} cannot be started: ${error.message}`);
  endGroup();
});
process.stdin.on("close", endGroup);
process.stdin.on("error", endGroup);
process.stdin.resume();
