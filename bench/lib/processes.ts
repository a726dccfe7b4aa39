import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Of Linux; elsewhere CPU and memory are not measured, and the rows say so. */
export const HAS_PROC = existsSync("/proc/self/stat");

let ticks: number | null = null;
const ticksPerSecond = (): number => {
  ticks ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  return ticks;
};

interface Stat {
  readonly parent: number;
  readonly name: string;
  readonly cpuTicks: number;
}

/** null: it has ended. */
function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name is in parentheses and may hold anything; after it come state, parent, ... utime (14th), stime (15th).
    const end = text.lastIndexOf(")");
    const fields = text.slice(end + 2).split(" ");
    return {
      parent: Number(fields[1]),
      name: text.slice(text.indexOf("(") + 1, end),
      cpuTicks: Number(fields[11]) + Number(fields[12]),
    };
  } catch {
    return null;
  }
}

/** The process and all below it that run now. */
export function treeOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = statOf(Number(entry));
    if (stat !== null) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(entry)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Ids of running workerd processes below this one: those that came since a look before are the newest. */
export const workerdsBelow = (root: number): number[] =>
  HAS_PROC ? treeOf(root).filter((pid) => statOf(pid)?.name === "workerd") : [];

/** CPU seconds that these processes have used so far; null where that is not known. */
export function cpuSeconds(pids: readonly number[]): number | null {
  if (!HAS_PROC) return null;
  return pids.reduce((sum, pid) => sum + (statOf(pid)?.cpuTicks ?? 0), 0) / ticksPerSecond();
}

/** Bytes of memory: what the process holds now, and the most it ever held. */
export function memoryBytes(pid: number): { readonly now: number; readonly peak: number } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const of = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
    return { now: of("VmRSS"), peak: of("VmHWM") };
  } catch {
    return null;
  }
}
