import { WAKE_BACKSTOP_MS } from "../../../../src/core/limits.ts";
import type { SqlRow } from "../../../../src/core/sql.ts";
import type { Wake } from "../../../../src/topic-log/rpc.ts";
import type { Bug } from "../bug.ts";
import { watching } from "./watching.ts";

const LOG = "log:acme/orders/0";
/** How long what was answered is not yet on the disk. */
const UNSYNCED_MS = 30;

/** The answer does not wait for the disk: a crash takes with it what was acknowledged just before. */
export const ackBeforeCommit: Bug = {
  logDeps(deps, life, world) {
    let unsynced: { segment: string; firstOffset: number; at: number }[] = [];
    life.onDeath(() => {
      const lost = unsynced.filter(({ at }) => deps.now() - at < UNSYNCED_MS);
      for (const { segment, firstOffset } of lost) {
        world.object(LOG).stored.exec(`DELETE FROM ${segment} WHERE first_offset = ?`, firstOffset);
      }
    });
    return {
      ...deps,
      sql: watching(deps.sql, (statement, bindings) => {
        const segment = /^INSERT INTO (segment_\d+)/.exec(statement)?.[1];
        if (segment === undefined) return null;
        unsynced = unsynced.filter(({ at }) => deps.now() - at < UNSYNCED_MS);
        unsynced.push({ segment, firstOffset: Number(bindings[0]), at: deps.now() });
        return null;
      }),
    };
  },
};

/** News are told right after the commit, and nothing remembers them: what a crash interrupts is forgotten. */
export const fanOutForgotten: Bug = {
  logDeps: (deps) => ({
    ...deps,
    alarm: (at) => {
      if (at - deps.now() > WAKE_BACKSTOP_MS) deps.alarm(at);
    },
  }),
};

/** The alarm behind a commit tells its news again, as if they were new, though everybody has heard. */
export const fanOutTwice: Bug = {
  logDeps(deps, life, world) {
    const told = new Map<string, Wake>();
    const tellAgain = () => {
      for (const [id, wake] of told) {
        void deps.wake(id, { ...wake, scannedFrom: wake.scannedTo }).catch(() => undefined);
      }
      told.clear();
    };
    return {
      ...deps,
      wake: async (id, wake) => {
        const answer = await deps.wake(id, wake);
        if (wake.events !== null && answer.mode === "push") told.set(id, wake);
        return answer;
      },
      alarm: (at) => {
        deps.alarm(at);
        world.ground.later(life, Math.max(0, at - deps.now()), "the alarm tells again", tellAgain);
      },
    };
  },
};

/** Idempotency keys live in memory. */
export const idempotencyInMemory: Bug = {
  logDeps(deps) {
    const known = new Map<string, SqlRow>();
    return {
      ...deps,
      sql: watching(deps.sql, (statement, [key, fingerprint = null, at = null, offset = null, places = null]) => {
        if (/^INSERT OR REPLACE INTO idempotency_/.test(statement)) {
          known.set(String(key), { fingerprint, at, first_offset: offset, places });
          return [];
        }
        if (!/FROM idempotency_/.test(statement)) return null;
        const row = known.get(String(key));
        return row === undefined ? [] : [row];
      }),
    };
  },
};
