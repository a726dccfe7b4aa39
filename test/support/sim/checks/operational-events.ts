import { IDEMPOTENCY_WINDOW_MS } from "../../../../src/core/limits.ts";
import { EVENTS_TOPIC } from "../../../../src/core/operational-event.ts";
import { Reader } from "../../../../src/topic-log/reader.ts";
import { LogState } from "../../../../src/topic-log/state.ts";
import { TopicLogStore } from "../../../../src/topic-log/store.ts";
import type { Checker } from "../evidence.ts";
import { TENANT } from "../manager.ts";
import type { World } from "../world.ts";

/** An operational event as the log of them has it. */
interface Told {
  readonly type: string;
  readonly time: string;
  readonly receivedAt: number;
  readonly data: { readonly subscription?: { readonly id: string }; readonly eventId?: string };
}

/** Operational events: one for each thing that happened, and those of a subscription in the order in which it did. */
export const operationalEvents: Checker = {
  invariant: "operational events",
  check({ world, journal, standing }, violation) {
    const told = withoutLateRepeats(eventsIn(world));
    const deaths = new Set<string>();
    for (const { type, time, data } of told) {
      if (type !== "delivery.dead") continue;
      const death = `${data.subscription?.id} ${data.eventId} ${Date.parse(time)}`;
      if (deaths.has(death)) violation(`the death of ${death} was told twice`);
      deaths.add(death);
    }
    const letters = new Set(journal.letters.map((one) => `${one.subscription} ${one.eventId} ${one.deadAt}`));
    for (const letter of letters) if (!deaths.has(letter)) violation(`the death of ${letter} was not told`);
    for (const death of deaths) if (!letters.has(death)) violation(`${death} was told to be dead, and is not`);
    for (const [id, { view }] of standing) {
      const health = told.filter(({ type, data }) => /failing|recovered/.test(type) && data.subscription?.id === id);
      const order = health.map(({ type }) => type.replace("subscription.", "")).join(" ");
      if (!/^(?:failing recovered ?)*(?:failing)?$/.test(order)) violation(`${id} was told to be ${order}`);
      const last = order.endsWith("failing") ? "failing" : "healthy";
      if (last !== view.health.state) violation(`${id} is ${view.health.state}, and was told to be ${order}`);
    }
    return letters.size + standing.size;
  },
};

/** Told again by an outbox that was silent for longer than a key is remembered: the one excuse. */
function withoutLateRepeats(log: readonly Told[]): Told[] {
  const first = new Map<string, number>();
  return log.filter(({ type, time, receivedAt, data }) => {
    const name = `${type} ${time} ${data.subscription?.id} ${data.eventId}`;
    const before = first.get(name) ?? receivedAt;
    first.set(name, before);
    return receivedAt - before < IDEMPOTENCY_WINDOW_MS;
  });
}

/** What is stored: the object may be away. */
function eventsIn(world: World): Told[] {
  const object = world.objects.find(({ name }) => name === `log:${TENANT}/${EVENTS_TOPIC}/0`);
  if (object === undefined || object.stored.exec("SELECT 1 FROM sqlite_master WHERE name = 'log'").length === 0) {
    return [];
  }
  const store = new TopicLogStore(object.stored);
  const state = new LogState(store);
  const events = [...new Reader(state, store, 0).ascending(state.firstOffset)];
  return events.map(({ type, time, receivedAt, data }) => ({
    ...{ type, time, receivedAt },
    data: JSON.parse(new TextDecoder().decode(data)),
  }));
}
