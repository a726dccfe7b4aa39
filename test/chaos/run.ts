import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { GatewayOptions } from "../support/gateway-process.ts";
import { CHECKERS } from "./checkers.ts";
import { type Dump, differences, dumpOf } from "./dump.ts";
import { egressPhase } from "./egress.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import { heal } from "./heal.ts";
import { type Journal, now } from "./journal.ts";
import { Killer } from "./killer.ts";
import { Manager } from "./manager.ts";
import { letThemHang, measure } from "./measure.ts";
import type { Operation, Plan } from "./plan.ts";
import { Posts } from "./posts.ts";
import { Stage } from "./stage.ts";
import { within } from "./until.ts";

/** Operations under way at once. */
const ACTORS = 6;
/** A run that takes longer hangs: so much for all of it but the operations, and for each of these. */
const RUN_MAX_MS = 180_000;
const OPERATION_MAX_MS = 300;

export interface Outcome {
  readonly seed: number;
  readonly seconds: number;
  /** It came to its end, and the checkers had their say. */
  readonly judged: boolean;
  readonly checks: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
  readonly summary: string;
  readonly remarks: readonly string[];
  /** Everything that was seen, for whoever has to explain a red run; without the dump where it did not come so far. */
  readonly seen: { readonly journal: Journal; readonly dump: Dump | null };
}

export type Say = (line: string) => void;

/** One run, from the first start to the verdict. */
export async function runPlan(plan: Plan, say: Say, options: GatewayOptions = {}): Promise<Outcome> {
  const startedAt = performance.now();
  let reached = "nothing";
  const timed: Say = (line) => {
    reached = line;
    say(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${line}`);
  };
  const stage = await Stage.open(plan, options);
  const checks = new Map(CHECKERS.map(({ invariant }) => [invariant, 0]));
  const violations: string[] = [];
  let summary = "it did not come to an end";
  let judged = false;
  let dump: Dump | null = null;
  try {
    const evidence = await within(
      RUN_MAX_MS + plan.operations.length * OPERATION_MAX_MS,
      play(stage, timed),
      () => `the run is over; it had reached: ${reached}; under way: ${stage.journal.underWay}`,
    );
    dump = evidence.dump;
    for (const { invariant, check } of CHECKERS) {
      checks.set(
        invariant,
        check(evidence, (what) => violations.push(`${invariant}: ${what}`)),
      );
    }
    summary = summarize(evidence);
    judged = true;
  } catch (thrown) {
    violations.push(`15 recovery: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
    violations.push(...stage.journal.logLines.slice(-10).map((line) => `  log: ${line}`));
  } finally {
    await stage.close();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const { journal } = stage;
  return {
    seed: plan.seed,
    seconds,
    judged,
    checks,
    violations,
    summary,
    remarks: journal.remarks,
    seen: { journal, dump },
  };
}

async function play(stage: Stage, say: Say): Promise<Evidence> {
  const { plan, journal, power } = stage;
  const posts = new Posts(stage);
  const manager = new Manager(stage);
  say(`healthy ${power.firstStart.toFixed()} ms after the first start`);
  await Promise.all(plan.subscriptions.map((one) => manager.create(one)));
  const quiet = await measure(stage, posts);
  say("subscribed and measured while all is quiet");
  await operate(stage, { posts, manager, say });
  await power.up;
  await letThemHang(stage, posts);
  const loaded = await measure(stage, posts);
  say("all operations done; measured with hanging subscribers");
  const drainMilliseconds = await heal(stage, manager, posts);
  say(`healed; everything settled after ${(drainMilliseconds / 1000).toFixed(1)} s`);
  const before = await dumpOf(stage);
  say("dumped");
  // Whatever were sent from here on would be denied, and would show.
  await power.restart("unanswered", { ALLOW_PRIVATE_TARGETS: "false" });
  const after = await dumpOf(stage);
  say("restarted without private targets and dumped again");
  const stored = storedIn(join(stage.gateway.stateDirectory, "v3", "do"));
  const until = now();
  const egress = await egressPhase(stage, posts);
  say("tried to get in where private targets are not allowed");
  for (const kill of journal.kills)
    if (kill.upAt === Number.POSITIVE_INFINITY) journal.remarks.push(`not up: ${kill.kind}`);
  return evidenceOf({
    ...{ plan, journal, dump: before, differences: differences(before, after), quiet, loaded, egress, stored },
    ...{ until, drainMilliseconds, firstStartMilliseconds: power.firstStart },
  });
}

interface Hands {
  readonly posts: Posts;
  readonly manager: Manager;
  readonly say: Say;
}

/** All operations in their order, several at a time; a kill is set up when its turn comes, while the others go on. */
async function operate(stage: Stage, hands: Hands): Promise<void> {
  const { plan, power, journal } = stage;
  const killer = new Killer(stage, hands.posts, hands.manager);
  const kills = [...plan.kills];
  let next = 0;
  let killing: Promise<void> = Promise.resolve();
  const actor = async () => {
    for (let index = next++; index < plan.operations.length; index = next++) {
      const kill = kills[0];
      if (kill !== undefined && index >= kill.atOperation) {
        kills.shift();
        const before = killing;
        killing = (async () => {
          await before;
          await journal.underWay.during(`kill (${kill.kind})`, () => killer.carryOut(kill));
          const last = journal.kills.at(-1);
          const start = last?.startMilliseconds?.toFixed(0) ?? "?";
          hands.say(`killed at operation ${index} (${kill.kind}): ${last?.note}; up again ${start} ms after its start`);
        })();
        await killing;
      }
      await power.up;
      const operation = plan.operations[index];
      if (operation !== undefined) await journal.underWay.during(operation.do, () => carryOut(operation, hands));
    }
  };
  await Promise.all(Array.from({ length: ACTORS }, actor));
}

async function carryOut(operation: Operation, { posts, manager }: Hands): Promise<void> {
  switch (operation.do) {
    case "post":
      await posts.post(operation);
      return;
    case "repeat":
      return posts.repeat(operation.choice);
    case "conflict":
      return posts.conflict(operation.choice);
    case "bad":
      return posts.bad(operation.tenant, operation.topic, operation.choice);
    default:
      return manager.carryOut(operation);
  }
}

function summarize({ journal, loaded, quiet, drainMilliseconds, stored }: Evidence): string {
  const starts = journal.kills.flatMap(({ startMilliseconds }) => startMilliseconds ?? []);
  const worst = (list: readonly number[]) => Math.max(0, ...list).toFixed(0);
  const unknown = journal.posts.filter(({ tries }) => tries.some(({ status }) => status === null)).length;
  const trouble = Map.groupBy(
    journal.exchanges.filter(({ status }) => status >= 500),
    ({ status }) => status,
  );
  return [
    `${journal.posts.length} posts (${unknown} with an unanswered try), ${journal.arrivals.length} requests received`,
    `${journal.exchanges.length} API answers (5xx: ${[...trouble].map(([status, all]) => `${all.length} × ${status}`).join(", ") || "none"})`,
    `${journal.kills.length} kills, healthy at most ${worst(starts)} ms after a start; drained in ${(drainMilliseconds / 1000).toFixed(1)} s`,
    `worst ack/receipt ${worst(quiet.ackMilliseconds)}/${worst(quiet.receiptMilliseconds)} ms quiet, ${worst(loaded.ackMilliseconds)}/${worst(loaded.receiptMilliseconds)} ms with hanging subscribers`,
    `${stored.databases} databases of ${mebibytes(stored.bytes)} MiB, the longest journal ${mebibytes(stored.longestJournalBytes)} MiB`,
  ].join("; ");
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);

/** Every object is an SQLite file with its write-ahead log; what else `wrangler dev` keeps is not ours. */
function storedIn(directory: string): Evidence["stored"] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && basename(entry.parentPath).startsWith("sluice-"),
  );
  const sizes = (end: string) =>
    files.filter(({ name }) => name.endsWith(end)).map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  const databases = sizes(".sqlite");
  return {
    databases: databases.length,
    bytes: databases.reduce((sum, size) => sum + size, 0),
    longestJournalBytes: Math.max(0, ...sizes(".sqlite-wal")),
  };
}
