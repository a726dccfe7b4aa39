import { RETRY_ALARM_SLACK_MS, SEND_START_MAX_MS } from "../../../../src/core/limits.ts";
import type { SqlValue } from "../../../../src/core/sql.ts";
import type { SubscriptionRpc } from "../../../../src/subscription/rpc.ts";
import type { Bug } from "../bug.ts";
import { watching } from "./watching.ts";

/** The queue's message is all there is of a retry: no alarm stands behind it. */
export const retryOnlyInQueue: Bug = {
  subscriptionDeps: (deps) => ({
    ...deps,
    alarm: (at) => {
      const due = at - RETRY_ALARM_SLACK_MS;
      const holes = deps.sql.exec("SELECT 1 FROM holes WHERE json_extract(body, '$.dueAt') = ?", due);
      if (due <= deps.now() || holes.length === 0) deps.alarm(at);
    },
  }),
};

/** A lease is written when its result is known, not when it is given. */
export const rowAfterAnswer: Bug = {
  subscriptionDeps(deps) {
    const unwritten = new Set<SqlValue>();
    return {
      ...deps,
      sql: watching(deps.sql, (statement, bindings) => {
        const [, verb, table] = /^(INSERT INTO|UPDATE) (leases_\d+)/.exec(statement) ?? [];
        const id = (verb === "UPDATE" ? bindings.at(-1) : bindings[0]) ?? null;
        if (verb === "INSERT INTO") {
          unwritten.add(id);
          return [];
        }
        if (verb !== "UPDATE" || !unwritten.delete(id)) return null;
        const marks = bindings.map(() => "?").join(", ");
        return deps.sql.exec(`INSERT INTO ${table} VALUES (${marks})`, id, ...bindings.slice(0, -1));
      }),
    };
  },
};

/** pause and DELETE answer at once: what was leased a moment before is sent after their 2xx. */
export const noBarrier: Bug = {
  subscriptionDeps: (deps) => ({
    ...deps,
    sleep: (milliseconds) => (milliseconds === SEND_START_MAX_MS ? Promise.resolve() : deps.sleep(milliseconds)),
  }),
};

/** The cursor is stored, the holes below it are not. */
export const cursorPastHole: Bug = {
  subscriptionDeps: (deps) => ({
    ...deps,
    sql: watching(deps.sql, (statement) => (/^INSERT OR REPLACE INTO holes/.test(statement) ? [] : null)),
  }),
};

/** Waking up, an object takes every open lease for lost and has its events sent again. */
export const interruptedOnConstruction: Bug = {
  subscriptionDeps(deps) {
    const tables = deps.sql.exec("SELECT name FROM sqlite_master WHERE name GLOB 'leases_*'");
    for (const { name } of tables) {
      const expired = `replace(body, '"leaseMilliseconds":', '"leaseMilliseconds":-')`;
      const open = `open = 1 AND body NOT LIKE '%"leaseMilliseconds":-%'`;
      deps.sql.exec(`UPDATE ${name} SET body = ${expired} WHERE ${open}`);
    }
    if (tables.length > 0) deps.alarm(deps.now());
    return deps;
  },
};

/** A restart forgets which key a hole blocks. */
export const keyForgotten: Bug = {
  subscriptionDeps: (deps) => ({
    ...deps,
    sql: watching(deps.sql, (statement) => {
      if (!/^SELECT body FROM holes/.test(statement)) return null;
      return deps.sql.exec("SELECT json_set(body, '$.key', NULL) AS body FROM holes ORDER BY event_offset");
    }),
  }),
};

/** A dead letter leaves the outbox when its message is sent, not when it is in the index. */
export const outboxForgets: Bug = {
  subscriptionDeps: (deps, life, world) => ({
    ...deps,
    sendDeadLetter: async (message) => {
      await deps.sendDeadLetter(message);
      const self = world.stub<SubscriptionRpc>(life, `sub:${message.tenant}/${message.subscription}`);
      await self.outboxAcknowledged([message.outbox]);
    },
  }),
};
