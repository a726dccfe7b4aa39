import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { LatencyHistogram } from "../../src/core/latency.ts";
import { STATS_SCAN_MAX_BYTES } from "../../src/core/limits.ts";
import type { StatsQuery, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import { appendOf, eventually, newSubscription, newTopic } from "../support/objects.ts";

const MINUTE_MS = 60_000;
const ONCE = { scheduleSeconds: [], jitter: 0, onExhausted: "continue", holdAfterFailures: null } as const;

const everything = (): StatsQuery => ({
  since: Date.now() - 60 * MINUTE_MS,
  until: Date.now() + MINUTE_MS,
  bucketMilliseconds: 24 * 60 * MINUTE_MS,
  before: null,
});

/** Summed up over buckets: midnight may pass. */
async function counted(rpc: SubscriptionRpc, query: StatsQuery) {
  const answer = await rpc.stats(query);
  if (!answer.ok) throw new Error(answer.error.code);
  const sum = { attempts: 0, successes: 0, failures: 0 };
  const latency = new LatencyHistogram();
  for (const bucket of answer.value.buckets) {
    sum.attempts += bucket.attempts;
    sum.successes += bucket.successes;
    sum.failures += bucket.failures;
    latency.merge(bucket.latency);
  }
  const latencies = latency.bins.reduce((all, { count }) => all + count, 0);
  return { ...sum, latencies, p95: latency.percentile(0.95), next: answer.value.next };
}

const quiet = (rpc: SubscriptionRpc) =>
  eventually(async () => {
    const view = await rpc.view();
    return view.ok && view.value.lag === 0;
  });

it("counts attempts by what came of them, and none of what was never tried", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant, { retry: ONCE });
  await log.append(appendOf({}, {}, {}));
  await quiet(rpc);
  await rpc.patch({ url: "http://subscriber.example/500" });
  await log.append(appendOf({}, {}));
  await quiet(rpc);
  await rpc.pause();
  const cancelled = await log.append(appendOf({}));
  if (!cancelled.ok) throw new Error(cancelled.error.code);
  await rpc.cancel(cancelled.value[0]?.id ?? "");

  expect(await counted(rpc, everything())).toMatchObject({ attempts: 5, successes: 3, failures: 2, latencies: 5 });
  expect(await counted(rpc, { ...everything(), until: Date.now() - MINUTE_MS })).toMatchObject({ attempts: 0 });
  const minutes = await rpc.stats({ ...everything(), bucketMilliseconds: MINUTE_MS });
  for (const { start } of minutes.ok ? minutes.value.buckets : []) expect(start % MINUTE_MS).toBe(0);
});

it("counts each event of a batch, and the latency of its request once", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant, { batch: { maxEvents: 10, maxWaitMilliseconds: 0 } });
  await log.append(appendOf({}, {}, {}, {}));
  await quiet(rpc);
  expect(await counted(rpc, everything())).toMatchObject({ attempts: 4, successes: 4, latencies: 1 });
});

it("takes one under way or interrupted as an attempt only, with the duration that was reported", async () => {
  const { tenant, log } = await newTopic();
  const { rpc, stub } = await newSubscription(tenant);
  await log.append(appendOf({}, {}, {}));
  await quiet(rpc);
  await runInDurableObject(stub, (_, state) => {
    const [row] = state.storage.sql.exec("SELECT id, body FROM leases_1").toArray();
    const body = JSON.parse(String(row?.body));
    body.entries[0] = { ...body.entries[0], out: "interrupted", fin: null, r: null };
    body.entries[1] = { ...body.entries[1], out: null, fin: null, r: null };
    body.entries[2].r.d = 20_000;
    state.storage.sql.exec("UPDATE leases_1 SET body = ? WHERE id = ?", JSON.stringify(body), row?.id ?? 0);
  });
  const sum = await counted(rpc, everything());
  expect(sum).toMatchObject({ attempts: 3, successes: 1, failures: 0, latencies: 1 });
  expect(Math.abs((sum.p95 ?? 0) - 20_000)).toBeLessThanOrEqual(1000);
});

it("looks at a bounded part of the log in one call, newest first, and goes on; it stops before `since`", async () => {
  const { tenant, log } = await newTopic();
  const { rpc, stub } = await newSubscription(tenant);
  await log.append(appendOf({}));
  await quiet(rpc);
  // Forty such deliveries, each a tenth of the bound; the oldest ten are an hour old.
  await runInDurableObject(stub, (_, state) => {
    const { sql } = state.storage;
    const [row] = sql.exec("SELECT * FROM leases_1").toArray();
    const body = JSON.parse(String(row?.body));
    const [entry] = body.entries;
    sql.exec("DELETE FROM leases_1");
    for (let id = 1; id <= 40; id += 1) {
      const ago = id <= 10 ? 60 * MINUTE_MS : 0;
      const x = { headers: {}, body: "x".repeat(STATS_SCAN_MAX_BYTES / 10), truncated: true };
      body.entries = [{ ...entry, l: entry.l - ago, r: { ...entry.r, s: entry.r.s - ago, x } }];
      sql.exec(
        `INSERT INTO leases_1 (id, open, lo, hi, cursor, last_matched, oldest_open, table_bytes, body)
         VALUES (?, 0, 1, 1, 1, 1, 41, 0, ?)`,
        id,
        JSON.stringify(body),
      );
    }
  });
  const query = { ...everything(), since: Date.now() - 30 * MINUTE_MS };
  const calls = [];
  for (let before: number | null = 41; before !== null; ) {
    const answer: Awaited<ReturnType<typeof counted>> = await counted(rpc, { ...query, before });
    calls.push([answer.attempts, answer.next]);
    before = answer.next;
  }
  expect(calls).toEqual([
    [10, 31],
    [10, 21],
    [10, 11],
    [0, null],
  ]);
  const all = await counted(rpc, { ...query, since: query.since - 60 * MINUTE_MS, before: 11 });
  expect([all.attempts, all.next]).toEqual([10, 1]);
});
