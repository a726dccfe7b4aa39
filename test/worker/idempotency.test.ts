import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AppendRequest } from "../../src/core/event.ts";
import { IDEMPOTENCY_BUCKET_MS, IDEMPOTENCY_WINDOW_MS } from "../../src/core/limits.ts";
import { topicLog } from "../../src/rpc/objects.ts";
import { durableSql } from "../../src/storage/durable-sql.ts";
import { topicLogMigrations } from "../../src/topic-log/migrations.ts";
import { withLog } from "../support/clock-log.ts";
import { appendOf, newTopic } from "../support/objects.ts";

type Event = Partial<AppendRequest["events"][number]>;

/** API clause 4.3: what an event or a request can be known by again. */
const KINDS: readonly [string, (key: string) => AppendRequest][] = [
  ["the header's key", (key) => ({ ...appendOf({}), idempotency: { key, fingerprint: "bytes" } })],
  ["an event's key", (key) => appendOf({ idempotency: { key, fingerprint: "bytes" } })],
  ["an id, whatever the bytes", (key) => appendOf({ idempotency: { key, fingerprint: null }, data: anything() })],
];

let made = 0;
/** Other bytes each time. */
const anything = (): Uint8Array => {
  made += 1;
  return new TextEncoder().encode(String(made));
};

const identified = (id: string, more: Event = {}): Event => ({ idempotency: { key: id, fingerprint: null }, ...more });
const underHeader = (request: AppendRequest): AppendRequest => ({
  ...request,
  idempotency: { key: "header", fingerprint: "bytes" },
});

describe.each(KINDS)("%s", (_, keyed) => {
  it("of 50 at once makes one event, also across an eviction", async () => {
    const { tenant, log, stub } = await newTopic();
    const answers = await Promise.all(Array.from({ length: 50 }, () => log.append(keyed("once"))));
    await evictDurableObject(stub);
    answers.push(await topicLog(env, tenant, "orders").append(keyed("once")));
    const events = answers.flatMap((answer) => (answer.ok ? answer.value : []));
    expect(events).toHaveLength(51);
    expect(new Set(events.map(({ id, offset }) => `${id} ${offset}`)).size).toBe(1);
    expect(events.filter((event) => !event.duplicate)).toHaveLength(1);
    expect(await topicLog(env, tenant, "orders").describe()).toMatchObject({ ok: true, value: { nextOffset: 2 } });
  });

  it("twice in one commit makes one event, and leaves those between alone", () =>
    withLog(async (log, _clock, _alarms, lines) => {
      const answers = await Promise.all([
        log.append(appendOf({})),
        log.append(keyed("k")),
        log.append(appendOf({})),
        log.append(keyed("k")),
        log.append(appendOf({})),
      ]);
      expect(lines).toMatchObject([{ requests: 5, events: 4 }]);
      expect(answers.map((one) => one.ok && [one.value[0]?.offset, one.value[0]?.duplicate])).toEqual([
        [1, false],
        [2, false],
        [3, false],
        [2, true],
        [4, false],
      ]);
    }));

  it("holds for 24 hours less a millisecond, over bucket borders; at 24 hours it is a new event", () =>
    withLog(async (log, clock) => {
      // The last millisecond of a bucket: the next one begins with the second look.
      const start = Math.ceil(clock.now / IDEMPOTENCY_BUCKET_MS) * IDEMPOTENCY_BUCKET_MS - 1;
      clock.now = start;
      await log.append(keyed("k"));
      const duplicate = { ok: true, value: [{ offset: 1, duplicate: true }] };
      const ages = [1, 2, IDEMPOTENCY_BUCKET_MS, IDEMPOTENCY_BUCKET_MS + 1, 3 * IDEMPOTENCY_BUCKET_MS + 1];
      for (const age of [...ages, IDEMPOTENCY_WINDOW_MS - 1]) {
        clock.now = start + age;
        // Another key opens the bucket, and drops those that are over.
        await log.append(keyed(`at ${age}`));
        expect(await log.append(keyed("k"))).toMatchObject(duplicate);
      }
      clock.now = start + IDEMPOTENCY_WINDOW_MS;
      expect(await log.append(keyed("k"))).toMatchObject({ ok: true, value: [{ offset: 8, duplicate: false }] });
      expect(await log.append(keyed("k"))).toMatchObject({ ok: true, value: [{ offset: 8, duplicate: true }] });
    }));

  it("is answered before the expected offset is looked at", () =>
    withLog(async (log) => {
      await log.append(keyed("k"));
      expect(await log.append({ ...keyed("k"), expectedOffset: 77 })).toMatchObject({
        ok: true,
        value: [{ offset: 1, duplicate: true }],
      });
      expect(await log.append({ ...keyed("l"), expectedOffset: 77 })).toMatchObject({ ok: false });
    }));
});

describe("one id twice", () => {
  it("in one request: the second is a duplicate of the first, and takes no offset", () =>
    withLog(async (log) => {
      const request = appendOf(identified("a"), identified("b"), identified("a"), {}, identified("a"));
      const answer = await log.append(request);
      expect(answer.ok && answer.value.map(({ offset, duplicate }) => [offset, duplicate])).toEqual([
        [1, false],
        [2, false],
        [1, true],
        [3, false],
        [1, true],
      ]);
      const ids = answer.ok ? answer.value.map(({ id }) => id) : [];
      expect([ids[2], ids[4]]).toEqual([ids[0], ids[0]]);
      expect(log.describe()).toMatchObject({ ok: true, value: { nextOffset: 4 } });
    }));

  it("answers with type and time of the first, wherever that is", () =>
    withLog(async (log) => {
      const first = { type: "first", time: "2026-01-01T00:00:00.000Z" };
      const other = { type: "other", time: "2026-02-02T00:00:00.000Z" };
      const duplicate = { ...first, offset: 1, duplicate: true };
      const together = await log.append(appendOf(identified("a", first), identified("a", other)));
      expect(together).toMatchObject({ ok: true, value: [{ ...first, duplicate: false }, duplicate] });
      expect(await log.append(appendOf(identified("a", other)))).toMatchObject({ ok: true, value: [duplicate] });
    }));

  it("is of its own topic, and forgotten with it", async () => {
    const one = await newTopic();
    const other = await newTopic();
    for (const { log } of [one, other]) {
      expect(await log.append(appendOf(identified("a")))).toMatchObject({ ok: true, value: [{ duplicate: false }] });
    }
    await one.log.destroy(false);
    await one.log.create({ description: "", retentionDays: 30, retentionBytes: null, types: {} });
    expect(await one.log.append(appendOf(identified("a")))).toMatchObject({
      ok: true,
      value: [{ offset: 2, duplicate: false }],
    });
  });
});

describe("a header's key over a batch of ids", () => {
  const batch = () => underHeader(appendOf(identified("new"), identified("old"), identified("new"), {}));
  const asBefore = [
    { offset: 2, duplicate: true },
    { offset: 1, duplicate: true },
    { offset: 2, duplicate: true },
    { offset: 3, duplicate: true },
  ];

  it("repeats the first answer, also when an id of it has become free and was used again", () =>
    withLog(async (log, clock) => {
      await log.append(appendOf(identified("old")));
      clock.now += IDEMPOTENCY_WINDOW_MS / 2;
      const first = await log.append(batch());
      expect(first).toMatchObject({
        ok: true,
        value: asBefore.map((one, index) => ({ ...one, duplicate: index === 1 || index === 2 })),
      });
      clock.now += IDEMPOTENCY_WINDOW_MS / 2;
      expect(await log.append(appendOf(identified("old")))).toMatchObject({ ok: true, value: [{ offset: 4 }] });
      const again = await log.append(batch());
      expect(again).toMatchObject({ ok: true, value: asBefore });
      const ids = [first, again].map((one) => one.ok && one.value.map(({ id }) => id));
      expect(ids[1]).toEqual(ids[0]);
    }));

  it("repeats the first answer where all of it was known already", () =>
    withLog(async (log) => {
      await log.append(appendOf({}, identified("new"), identified("old")));
      const request = underHeader(appendOf(identified("old"), identified("new")));
      const answer = {
        ok: true,
        value: [
          { offset: 3, duplicate: true },
          { offset: 2, duplicate: true },
        ],
      };
      expect(await log.append(request)).toMatchObject(answer);
      await log.append(appendOf({}));
      expect(await log.append(request)).toMatchObject(answer);
      expect(log.describe()).toMatchObject({ ok: true, value: { nextOffset: 5 } });
    }));
});

it("keys of a store that knew no places are still known, and their tables take places", async () => {
  const { log, stub } = await newTopic();
  await log.append(appendOf({ idempotency: { key: "before", fingerprint: "bytes" } }));
  await runInDurableObject(stub, (_, state) => {
    const sql = durableSql(state.storage);
    const [table] = sql.exec("SELECT name FROM sqlite_master WHERE name GLOB 'idempotency_[0-9]*'");
    sql.exec(`ALTER TABLE ${String(table?.name)} DROP COLUMN places`);
    const migration = topicLogMigrations.find(({ name }) => name === "idempotency-places");
    if (typeof migration?.up === "function") migration.up(sql);
  });
  expect(await log.append(appendOf({ idempotency: { key: "before", fingerprint: "bytes" } }))).toMatchObject({
    ok: true,
    value: [{ offset: 1, duplicate: true }],
  });
  const request = underHeader(appendOf(identified("a"), identified("a")));
  await log.append(request);
  expect(await log.append(request)).toMatchObject({ ok: true, value: [{ offset: 2 }, { offset: 2 }] });
});
