import { DeadLetterStore } from "../../../src/directory/dead-letter-store.ts";
import { directoryMigrations } from "../../../src/directory/migrations.ts";
import type { DirectoryRpc } from "../../../src/directory/rpc.ts";
import { DirectoryStore } from "../../../src/directory/store.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import type { TopicLogRpc } from "../../../src/topic-log/rpc.ts";
import type { Incarnation, Surroundings } from "./sim-object.ts";
import type { World } from "./world.ts";

/** The part of a Directory that subscriptions and the dead-letter consumer use. */
export type SimDirectory = Pick<
  DirectoryRpc,
  | "ensureTopic"
  | "putSubscription"
  | "removeSubscription"
  | "subscriptions"
  | "indexDeadLetters"
  | "removeDeadLetters"
  | "deadLetters"
>;

/** The wiring of src/directory/object.ts over the simulated platform. */
export function openDirectory(world: World, tenant: string, around: Surroundings): Incarnation {
  const { ground } = world;
  migrate(around.migrationSql, directoryMigrations);
  const names = new DirectoryStore(around.sql);
  const letters = new DeadLetterStore(around.sql);
  const methods: SimDirectory = {
    ensureTopic: async (topic, settings) => {
      const named = names.putTopic(topic);
      if (!named.ok) return named;
      return world.stub<TopicLogRpc>(around.life, `log:${tenant}/${topic}/0`).create(settings);
    },
    putSubscription: async (entry) => names.putSubscription(entry),
    removeSubscription: async (id) => names.removeSubscription(id),
    subscriptions: async (topic, after, limit) => ({
      subscriptions: names.subscriptions(topic, after, limit),
      next: null,
    }),
    indexDeadLetters: async (added) => letters.add(added, ground.timeline.now),
    removeDeadLetters: async (removed) => letters.remove(removed, ground.timeline.now),
    deadLetters: async (query) => letters.list(query),
  };
  return { methods, onAlarm: async () => undefined };
}
