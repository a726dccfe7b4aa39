import { WAKE_BACKSTOP_MS } from "../../../src/core/limits.ts";
import { EVENTS_TOPIC } from "../../../src/core/operational-event.ts";
import type { DirectoryRpc } from "../../../src/directory/rpc.ts";
import { publishOperational } from "../../../src/rpc/operational-events.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import type { SubscriptionRpc } from "../../../src/subscription/rpc.ts";
import type { LogDeps } from "../../../src/topic-log/deps.ts";
import { Log } from "../../../src/topic-log/log.ts";
import { topicLogMigrations } from "../../../src/topic-log/migrations.ts";
import type { TopicLogRpc } from "../../../src/topic-log/rpc.ts";
import type { Incarnation, Surroundings } from "./sim-object.ts";
import type { World } from "./world.ts";

/** The wiring of src/topic-log/object.ts over the simulated platform. */
export function openLog(world: World, name: { tenant: string; topic: string }, around: Surroundings): Incarnation {
  const { ground } = world;
  const { tenant, topic } = name;
  migrate(around.migrationSql, topicLogMigrations);
  const subscription = (id: string): SubscriptionRpc => world.stub(around.life, `sub:${tenant}/${id}`);
  const deps: LogDeps = {
    sql: around.sql,
    topic,
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
    expiring: (id, through) => subscription(id).expiring(through),
    erased: (id, erased) => subscription(id).erased(erased),
    publish: (event) =>
      publishOperational([event], {
        log: () => world.stub<TopicLogRpc>(around.life, `log:${tenant}/${EVENTS_TOPIC}/0`),
        directory: () => world.stub<DirectoryRpc>(around.life, `dir:${tenant}`),
      }),
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
