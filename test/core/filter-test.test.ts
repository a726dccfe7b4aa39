import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Filter, FilterInput } from "../../src/core/filter.ts";
import { migrate } from "../../src/storage/migrate.ts";
import type { LogDeps } from "../../src/topic-log/deps.ts";
import { Log } from "../../src/topic-log/log.ts";
import { topicLogMigrations } from "../../src/topic-log/migrations.ts";
import type { Wake } from "../../src/topic-log/rpc.ts";
import { nodeSql } from "../support/node-sql.ts";
import { aFilter, anEvent } from "../support/random-filters.ts";

/** API clause 5.7: a filter-test agrees with deliveries, always. */

const encoder = new TextEncoder();

/** A log in memory; what is deferred runs when `settle` is called, and wakes are kept. */
function openLog() {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, topicLogMigrations);
  const deferred: (() => void)[] = [];
  const wakes: { id: string; wake: Wake }[] = [];
  const deps: LogDeps = {
    ...{ sql, topic: "t", partition: 0, now: () => 1000, newTag: () => 1, defer: (run) => deferred.push(run) },
    alarm: () => {},
    background: (work) => {
      void work;
    },
    wake: async (id, wake) => {
      wakes.push({ id, wake });
      return { mode: "push", incarnation: 1 };
    },
    ...{
      expire: async () => {},
      erased: async () => undefined,
      expiring: async () => {},
      publish: async () => {},
      removeSubscription: async () => {},
    },
    log: () => {},
  };
  const log = new Log(deps, null);
  log.create({ description: "", retentionDays: 30, retentionBytes: null, types: {} });
  const settle = async () => {
    while (deferred.length > 0) {
      deferred.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const append = async (events: readonly FilterInput[]) => {
    const request = { idempotency: null, requestId: null, expectedOffset: null };
    const appended = log.append({ ...request, events: events.map(newEvent) });
    await settle();
    expect((await appended).ok).toBe(true);
  };
  return { log, append, wakes };
}

function newEvent({ type, key, source, subject, data }: FilterInput) {
  const value = data();
  const [contentType, text] =
    value === undefined ? ["text/plain", "text"] : ["application/json", JSON.stringify(value)];
  return {
    ...{ type, key, source, subject, contentType, data: encoder.encode(text), time: null, hops: 0, idempotency: null },
    ...{ correlationId: null, causationId: null, cloudEvent: null, headers: null },
  };
}

function pulled(log: Log, id: string): number[] {
  const fetched = log.fetchFor({
    ...{
      subscription: id,
      incarnation: 1,
      filterVersion: 1,
      after: 0,
      offsets: [],
      lanes: [],
      floor: 0,
      maxEvents: 256,
    },
  });
  if (!fetched.ok) throw new Error(fetched.error.detail);
  expect(fetched.value.scannedTo).toBe(fetched.value.head);
  return fetched.value.fresh.map(({ offset }) => offset);
}

function tested(log: Log, filter: Filter, limit: number): number[] {
  const offsets: number[] = [];
  let after: number | null = null;
  do {
    const page = log.testFilter({ filter, after, since: null, limit });
    if (!page.ok) throw new Error(page.error.detail);
    expect(page.value.events.length).toBeLessThanOrEqual(limit);
    offsets.push(...page.value.events.map(({ offset }) => offset));
    after = page.value.next;
  } while (after !== null);
  return offsets;
}

it("agrees with what a subscription is told and what it pulls", async () => {
  const events = fc.array(anEvent, { minLength: 1, maxLength: 8 });
  const filters = fc.array(aFilter, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(filters, events, fc.integer({ min: 1, max: 3 }), async (all, published, limit) => {
      const { log, append, wakes } = openLog();
      all.forEach((filter, number) => {
        log.register(`told${number}`, filter, 1, "latest");
        // It has caught up with an empty log: from here on it is told.
        expect(pulled(log, `told${number}`)).toEqual([]);
      });
      await append(published);
      all.forEach((filter, number) => {
        const expected = tested(log, filter, limit);
        log.register(`pulls${number}`, filter, 1, "earliest");
        expect(pulled(log, `pulls${number}`)).toEqual(expected);
        const told = wakes.filter(({ id }) => id === `told${number}`).flatMap(({ wake }) => wake.events ?? []);
        expect(told.map(({ offset }) => offset)).toEqual(expected);
      });
    }),
    { numRuns: 300 },
  );
}, 30_000);
