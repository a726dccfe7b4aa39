import { readDeliveries } from "./gather.ts";
import type { Manager } from "./manager.ts";
import type { World } from "./world.ts";

const SETTLED: ReadonlySet<string> = new Set(["delivered", "dead", "cancelled"]);

/** What can go on by itself has done so, before anybody knocks again: no lost wake, no forgotten retry. */
export async function nothingWaits(world: World, manager: Manager): Promise<void> {
  for (const record of manager.records) {
    const { id } = record.config;
    const view = await manager.rpc(id).view();
    if (!view.ok || view.value.state !== "active" || view.value.lag === 0) continue;
    const deliveries = await readDeliveries(manager, record, 100);
    // Exhausted with hold-key: what stands behind it waits for a person.
    if (deliveries.some(({ state }) => state === "held")) continue;
    const waiting = deliveries
      .filter(({ state }) => !SETTLED.has(state))
      .map(({ offset, state }) => `${offset} ${state}`);
    const what = `${id} has lag ${view.value.lag} and nothing that goes on: ${waiting}`;
    world.journal.violations.push(`5 conservation: ${what}`);
  }
}

/** Resumes what is stopped, and does with each held delivery what only a person can. False: there was nothing to do. */
export async function settleByHand(world: World, manager: Manager): Promise<boolean> {
  let acted = false;
  for (const record of manager.records) {
    const view = await manager.rpc(record.config.id).view();
    if (!view.ok) continue;
    if (view.value.state !== "active") {
      acted = true;
      await manager.resume(record);
    }
    if (view.value.lag === 0) continue;
    const held = (await readDeliveries(manager, record, 100)).filter(({ state }) => state === "held");
    // Where nothing helps, a retry would only be held again.
    const hopeless = world.subscribers.incurable.has(record.config.id);
    for (const delivery of held.reverse()) {
      acted = true;
      await manager.act(record, delivery, hopeless ? "cancel" : world.ground.random.pick(["retry", "cancel"]));
    }
  }
  return acted;
}
