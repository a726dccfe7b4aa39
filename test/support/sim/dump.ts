import type { World } from "./world.ts";

/** How things stood when a violation was found: settings, requests and rows of every subscription, a line each. */
export function dumpOf(world: World): string[] {
  const { journal } = world;
  const lines: string[] = [];
  for (const [id, record] of journal.subscriptions) {
    const { ordering, retry, concurrency, timeoutSeconds, filter } = record.config;
    lines.push(
      `${id} ${JSON.stringify({ ordering, retry, concurrency, timeoutSeconds, filter })} ${stored(world, id)}`,
    );
    const changes = [...record.orderings.slice(1), ...record.filters.slice(1)];
    for (const one of changes) {
      lines.push(`  patched #${one.asked.step}..#${one.done?.step ?? "?"} ${JSON.stringify(one.value)}`);
    }
    for (const one of record.stops) lines.push(`  stopped #${one.from.step}..#${one.until?.step ?? ""}`);
    for (const [how, list] of [
      ["retry", record.retries],
      ["cancel", record.cancels],
    ] as const) {
      for (const one of list.filter(({ accepted }) => accepted)) {
        lines.push(`  ${how} of ${one.value} #${one.asked.step}..#${one.done?.step ?? "?"}`);
      }
    }
    for (const { send, part, started, answer, result, reported } of journal.requests) {
      if (part.target.id !== id) continue;
      const { event, attempt, trigger, lease } = send;
      const what = `${event.offset}/${attempt} key ${event.key} ${trigger} row ${lease}`;
      const outcome = `${answer?.status ?? "no answer"} #${answer?.step ?? ""}, ${result?.kind}, reported #${reported?.step ?? "never"}`;
      lines.push(`  #${started.step} t=${started.at} ${what}: ${outcome}`);
    }
  }
  return lines;
}

/** The rows that say what is left to do. */
function stored(world: World, id: string): string {
  const object = world.objects.find(({ name }) => name.endsWith(`/${id}`));
  if (object === undefined) return "never opened";
  const tables = object.stored.exec("SELECT name FROM sqlite_master WHERE name = 'subscription'");
  if (tables.length === 0) return "no storage";
  const rows = ["holes", "lanes", "skips", "outbox"].map(
    (table) => `${table} ${JSON.stringify(object.stored.exec(`SELECT * FROM ${table}`))}`,
  );
  const runtime = object.stored.exec("SELECT runtime FROM subscription")[0]?.runtime;
  return `alarm ${object.pendingAlarm} ${rows.join(" ")} ${runtime}`;
}
