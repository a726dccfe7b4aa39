import { spawnSync } from "node:child_process";
import type { Gateway } from "./gateway.ts";

const KIB = 1024;

/** Resident bytes of all the processes of a gateway: its group is that of the one started with its state directory. */
export function residentBytes(gateway: Gateway): number {
  const { stdout } = spawnSync("ps", ["-eo", "pgid=,rss=,args="], { encoding: "utf8" });
  const processes = stdout.split("\n").map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []);
  const group = processes.find(([, , , args]) => args?.includes(gateway.stateDirectory))?.[1];
  if (group === undefined) throw new Error("no process of the gateway is there");
  return processes
    .filter(([, pgid]) => pgid === group)
    .reduce((sum, [, , kibibytes]) => sum + Number(kibibytes) * KIB, 0);
}
