import type { LogEvent } from "../../../src/core/event.ts";
import type { DeadLetter } from "../../../src/directory/rpc.ts";
import type { Delivery } from "../../../src/subscription/rpc.ts";
import { Reader } from "../../../src/topic-log/reader.ts";
import type { TopicLogRpc } from "../../../src/topic-log/rpc.ts";
import { LogState } from "../../../src/topic-log/state.ts";
import { TopicLogStore } from "../../../src/topic-log/store.ts";
import type { SimDirectory } from "./directory-object.ts";
import type { Evidence, Standing } from "./evidence.ts";
import type { Weather } from "./faults.ts";
import type { SubscriptionRecord } from "./journal.ts";
import { type Manager, TENANT } from "./manager.ts";
import type { World } from "./world.ts";

/** Asks everybody how things stand. Only when all is quiet: it expects answers. */
export async function gather(world: World, manager: Manager, logName: string, weather: Weather): Promise<Evidence> {
  const directory = world.stub<SimDirectory>(world.outside, `dir:${TENANT}`);
  const { subscriptions } = await directory.subscriptions(null, null, 100);
  const starts = new Map<string, number>();
  for (const row of world.object(logName).stored.exec("SELECT id, start FROM subscribers WHERE removing = 0")) {
    starts.set(String(row.id), Number(row.start));
  }
  const standing = new Map<string, Standing>();
  for (const record of manager.records) {
    const one = await standingOf(manager, record, starts.get(record.config.id) ?? null);
    if (one !== null) standing.set(record.config.id, one);
  }
  return {
    ...{ world, journal: world.journal, weather, standing },
    log: await readLog(world, logName),
    named: new Set(subscriptions.map(({ id }) => id)),
    registered: new Set(starts.keys()),
    deadLetters: await readDeadLetters(directory),
  };
}

/** Keeps what the log has before retention may drop it. Reads what is stored: the object may be away. */
export function archive(world: World, logName: string): void {
  const store = new TopicLogStore(world.object(logName).stored);
  const state = new LogState(store);
  const reader = new Reader(state, store, 0);
  for (const event of reader.ascending(state.firstOffset)) world.journal.archive.set(event.offset, event);
}

const EVERYTHING = { before: null, since: null, until: null, order: "asc", type: null, key: null } as const;

async function standingOf(
  manager: Manager,
  record: SubscriptionRecord,
  start: number | null,
): Promise<Standing | null> {
  const view = await manager.rpc(record.config.id).view();
  if (!view.ok || start === null) return null;
  const deliveries = await readDeliveries(manager, record, 1000);
  const paged = await readDeliveries(manager, record, 9);
  return { record, view: view.value, start, deliveries: [...deliveries].reverse(), paged };
}

export async function readDeliveries(manager: Manager, record: SubscriptionRecord, limit: number): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  let before: number | null = null;
  do {
    const query = { state: null, type: null, since: null, until: null, before, limit };
    const page: Awaited<ReturnType<ReturnType<Manager["rpc"]>["deliveries"]>> = await manager
      .rpc(record.config.id)
      .deliveries(query);
    if (!page.ok) throw new Error(`the delivery log of ${record.config.id} cannot be read: ${page.error.code}`);
    deliveries.push(...page.value.deliveries);
    if (deliveries.length > 10_000) throw new Error(`the delivery log of ${record.config.id} has no end`);
    before = page.value.next;
  } while (before !== null);
  return deliveries;
}

/** The whole log: what retention has dropped, as it was when somebody last looked, and what is there. */
async function readLog(world: World, logName: string): Promise<LogEvent[]> {
  const log = world.stub<TopicLogRpc>(world.outside, logName);
  const events: LogEvent[] = [];
  const described = await log.describe();
  const firstOffset = described.ok ? described.value.firstOffset : 1;
  for (const event of world.journal.archive.values()) if (event.offset < firstOffset) events.push(event);
  let after: number | null = null;
  do {
    const page: Awaited<ReturnType<TopicLogRpc["read"]>> = await log.read({ ...EVERYTHING, after, limit: 100 });
    if (!page.ok) throw new Error(`the log cannot be read: ${page.error.code}`);
    events.push(...page.value.events);
    after = page.value.next;
  } while (after !== null);
  return events;
}

async function readDeadLetters(directory: SimDirectory): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<SimDirectory["deadLetters"]>> = await directory.deadLetters({
      ...{ topic: null, subscription: null, reason: null, since: null, until: null, cursor, limit: 100 },
    });
    letters.push(...page.letters);
    cursor = page.next;
  } while (cursor !== null);
  return letters;
}
