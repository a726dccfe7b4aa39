import type { Migration } from "../storage/migrate.ts";

/** Append-only: a migration that shipped is never edited. */
export const directoryMigrations: readonly Migration[] = [
  {
    id: 1,
    name: "directory",
    up: [
      // One row a topic: written by ensureTopic, deleted by removeTopic.
      "CREATE TABLE topics (name TEXT PRIMARY KEY) WITHOUT ROWID",
      // One row a subscription: written by putSubscription, deleted by removeSubscription. Not on the road of an
      // event, so it may afford its indexes: the names are unique, the subscriptions of a topic counted and listed.
      "CREATE TABLE subscriptions (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, topic TEXT NOT NULL) WITHOUT ROWID",
      "CREATE INDEX subscriptions_of_topic ON subscriptions (topic, id)",
      // One row a dead letter, one billed row to write it: the primary key is the order of the list. Written by
      // indexDeadLetters; removeDeadLetters empties it and sets removed_at, so that a late copy of the same message
      // finds it taken; deleted by purge, some time after its removal or when its event is older than any log.
      // Letters of deleted subscriptions stay until then, unlisted.
      `CREATE TABLE dead_letters (
         dead_at INTEGER NOT NULL, subscription TEXT NOT NULL, "partition" INTEGER NOT NULL, "offset" INTEGER NOT NULL,
         topic TEXT NOT NULL, reason TEXT NOT NULL, letter TEXT NOT NULL, removed_at INTEGER,
         PRIMARY KEY (dead_at, subscription, "partition", "offset")
       ) WITHOUT ROWID`,
      // Holds only the removed ones, which purge looks for: a letter in the list costs nothing here.
      "CREATE INDEX removed_letters ON dead_letters (removed_at) WHERE removed_at IS NOT NULL",
      // Single facts of this tenant. `encryption-key`: written by checkEncryptionKey at its first call and at a
      // rotation. `probe`: rewritten by probeWrite. Never deleted.
      "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
      // How the demo's receivers answer: written by setDemoMode, one row a receiver, never deleted.
      "CREATE TABLE demo_modes (receiver TEXT PRIMARY KEY, mode TEXT NOT NULL) WITHOUT ROWID",
    ],
  },
  {
    id: 2,
    name: "sources",
    up: [
      // One row a source: written by putSource and updateSource, its counts by countSource (at most once a second from
      // each isolate; no index has them), deleted by removeSource. `token` is the last part of its URL. `secrets` is a
      // ciphertext, `options` and `last_refusal` are JSON.
      `CREATE TABLE sources (
         id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, token TEXT NOT NULL UNIQUE, topic TEXT NOT NULL,
         provider TEXT NOT NULL, secrets TEXT NOT NULL, options TEXT NOT NULL,
         created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
         accepted INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,
         duplicates INTEGER NOT NULL DEFAULT 0, last_refusal TEXT
       ) WITHOUT ROWID`,
      // In meta, of the gateway's own Directory: `source-token-key`, written by the first sourceTokenKey, never changed.
    ],
  },
];
