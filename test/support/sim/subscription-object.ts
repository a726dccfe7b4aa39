import { newId } from "../../../src/core/ids.ts";
import { WAKE_BACKSTOP_MS } from "../../../src/core/limits.ts";
import type { DirectoryRpc } from "../../../src/directory/rpc.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import type { SubscriptionDeps } from "../../../src/subscription/deps.ts";
import { SubscriptionMachine } from "../../../src/subscription/machine.ts";
import { subscriptionMigrations } from "../../../src/subscription/migrations.ts";
import type { TopicLogRpc } from "../../../src/topic-log/rpc.ts";
import type { Incarnation, Surroundings } from "./sim-object.ts";
import type { World } from "./world.ts";

/** The wiring of src/subscription/object.ts over the simulated platform. `name` is `<tenant>/<id>`. */
export function openSubscription(world: World, name: string, around: Surroundings): Incarnation {
  const { ground } = world;
  const { timeline, random } = ground;
  const deps: SubscriptionDeps = {
    sql: around.sql,
    version: "0.0.0",
    now: () => timeline.now,
    chance: () => random.next(),
    newAttemptId: () => newId("att", timeline.now, random.bytes(10)),
    defer: around.defer,
    sleep: (milliseconds) => ground.sleep(around.life, milliseconds),
    alarm: (at) => {
      void around.alarm.earlier(at);
    },
    background: around.background,
    wipe: async () => {
      around.eraseStorage();
      around.alarm.fired();
      machine = open();
    },
    topicLog: (tenant, topic) => world.stub<TopicLogRpc>(around.life, `log:${tenant}/${topic}/0`),
    directory: (tenant) => world.stub<DirectoryRpc>(around.life, `dir:${tenant}`),
    deliver: (part) => world.deliverers.start(around.life, part),
    scheduleRetry: (delaySeconds) => world.retries.send(around.life, { version: 1, subscription: name }, delaySeconds),
    sendDeadLetter: (message) => {
      if (message.action === "add") world.journal.letters.push(message.letter);
      return world.deadLetters.send(around.life, message, 0);
    },
    log: () => undefined,
  };
  const planted = world.bug.subscriptionDeps?.(deps, around.life, world) ?? deps;
  const open = (): SubscriptionMachine => {
    migrate(around.migrationSql, subscriptionMigrations);
    return new SubscriptionMachine(planted);
  };
  let machine = open();
  return {
    get methods() {
      return machine;
    },
    onAlarm: async () => {
      around.alarm.fired();
      try {
        await machine.onAlarm();
      } catch {
        await around.alarm.earlier(timeline.now + WAKE_BACKSTOP_MS);
      }
    },
  };
}
