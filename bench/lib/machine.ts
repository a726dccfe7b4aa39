import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import { HAS_PROC } from "./processes.ts";

export const ROOT = join(import.meta.dirname, "..", "..");

/** Where it was measured. */
export const machine = () => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryBytes: totalmem(),
  system: `${platform()} ${release()}`,
  cpuAndMemoryMeasured: HAS_PROC,
});

const PACKAGES = ["miniflare", "workerd", "wrangler", "autocannon", "fastify", "bullmq", "ioredis"];

/** What was measured, and with what. */
export const versions = () => ({
  sluice: packageVersion(ROOT),
  commit: output("git", ["rev-parse", "--short", "HEAD"]),
  node: process.version,
  ...Object.fromEntries(PACKAGES.map((name) => [name, packageVersion(join(ROOT, "node_modules", name))])),
  redis: output("redis-server", ["--version"])?.match(/v=(\S+)/)?.[1] ?? null,
});

function packageVersion(folder: string): string | null {
  try {
    const { version }: { version: string } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return version;
  } catch {
    return null;
  }
}

/** What a program prints; null where it is not installed. */
function output(command: string, args: readonly string[]): string | null {
  try {
    return execFileSync(command, args, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
