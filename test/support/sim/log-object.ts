import { WAKE_BACKSTOP_MS } from "../../../src/core/limits.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import type { SubscriptionRpc } from "../../../src/subscription/rpc.ts";
import type { LogDeps } from "../../../src/topic-log/deps.ts";
import { Log } from "../../../src/topic-log/log.ts";
import { topicLogMigrations } from "../../../src/topic-log/migrations.ts";
import type { Incarnation, Surroundings } from "./sim-object.ts";
import type { World } from "./world.ts";

/** The wiring of src/topic-log/object.ts over the simulated platform. */
export function openLog(world: World, tenant: string, around: Surroundings): Incarnation {
  const { ground } = world;
  migrate(around.migrationSql, topicLogMigrations);
  const subscription = (id: string): SubscriptionRpc => world.stub(around.life, `sub:${tenant}/${id}`);
  const deps: LogDeps = {
    sql: around.sql,
    partition: 0,
    now: () => ground.timeline.now,
    newTag: () => ground.random.between(0, 2 ** 40 - 1),
    defer: around.defer,
    alarm: (at) => {
      void around.alarm.earlier(at);
    },
    background: around.background,
    wake: (id, wake) => subscription(id).wake(wake),
    expire: (id, through) => subscription(id).expire(through),
    removeSubscription: async (id) => {
      const removed = await subscription(id).remove();
      if (!removed.ok && removed.error.code !== "not-found") throw new Error(removed.error.code);
    },
    log: () => undefined,
  };
  const log = new Log(world.bug.logDeps?.(deps, around.life, world) ?? deps, around.pendingAlarm);
  return {
    methods: log,
    onAlarm: async () => {
      around.alarm.fired();
      try {
        await log.onAlarm();
      } catch {
        await around.alarm.earlier(ground.timeline.now + WAKE_BACKSTOP_MS);
      }
    },
  };
}
