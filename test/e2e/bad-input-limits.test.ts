import { beforeAll, describe, expect, test } from "vitest";
import {
  CUSTOM_HEADERS_MAX,
  EVENT_DATA_MAX_BYTES,
  FILTER_MAX_BYTES,
  REQUEST_BODY_MAX_BYTES,
  RETRY_SCHEDULE_MAX_ENTRIES,
} from "../../src/core/limits.ts";
import { withGateway } from "../support/gateway.ts";
import { expectProblem, LogRoom } from "../support/log-room.ts";
import { Subscriber } from "../support/subscriber.ts";

const gateway = withGateway();
let room: LogRoom;
beforeAll(() => {
  room = new LogRoom(gateway(), "bad-limits");
});

interface Accepted {
  readonly id: string;
  readonly offset: number;
  readonly duplicate: boolean;
}

const EVENT = '{"type":"order.paid","data":{"total":1}}';

/** An event whose data is a JSON string of so many bytes, quotes included. */
const sized = (bytes: number): string => `{"type":"n","data":"${"x".repeat(bytes - 2)}"}`;

const subscribing = (document: object) => ({
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ name: "limited", topic: "limits", url: "http://localhost:1/", ...document }),
});

async function accepted(topic: string, body: string, headers: Record<string, string> = {}): Promise<Accepted> {
  const answer = await room.post(topic, body, headers);
  expect([answer.status, answer.text]).toEqual([202, answer.text]);
  return JSON.parse(answer.text) as Accepted;
}

describe("Sizes and limits", () => {
  test("S02 64 KiB of data are taken and kept", async () => {
    await accepted("sizes-64k", sized(64 * 1024));
    expect((await room.dataTexts("sizes-64k"))[0]?.length).toBe(64 * 1024);
  });

  test("S04 data of 1 MiB is taken, of one byte more refused: 413, whatever the row would hold", async () => {
    await accepted("sizes", sized(EVENT_DATA_MAX_BYTES));
    expectProblem(await room.post("sizes", sized(EVENT_DATA_MAX_BYTES + 1)), 413);
    // Bytes are counted, not characters.
    expectProblem(await room.post("sizes", `{"type":"n","data":"${"é".repeat(EVENT_DATA_MAX_BYTES / 2)}"}`), 413);
    expectProblem(await room.post("sizes", sized(2_200_000)), 413);
    const batch = await room.post("sizes", `[${EVENT},${sized(EVENT_DATA_MAX_BYTES + 1)}]`);
    expectProblem(batch, 413);
    expect(JSON.parse(batch.text)).toMatchObject({ errors: [{ pointer: "#/1/data" }] });
    expect(await room.nextOffset("sizes")).toBe(2);
  });

  test("S04 a request of 4 MiB is taken, of one byte more refused before its syntax is looked at", async () => {
    const padded = (bytes: number) => `[${[1, 2, 3].map(() => sized(1_000_000)).join()}${" ".repeat(bytes)}]`;
    const room3 = REQUEST_BODY_MAX_BYTES - padded(0).length;
    expect((await room.post("requests", padded(room3))).status).toBe(202);
    expectProblem(await room.post("requests", padded(room3 + 1)), 413);
    const garbage = new Uint8Array(REQUEST_BODY_MAX_BYTES + 1).fill(0xff);
    expectProblem(await room.post("requests", garbage), 413);
    expectProblem(await room.post("requests", garbage.subarray(1)), 400);
    expect(await room.nextOffset("requests")).toBe(4);
  });

  test("S06 a batch of 300 events with a key each, and its repeat: more names than an SQL statement takes", async () => {
    const events = Array.from({ length: 300 }, (_, n) => ({ type: "n", data: n, idempotencyKey: `s06-${n}` }));
    const posted = async () => {
      const { text } = await room.post("many", JSON.stringify(events));
      return (JSON.parse(text) as { events: Accepted[] }).events;
    };
    const [first, second] = [await posted(), await posted()];
    expect(first.map((event) => event.offset)).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
    expect(second).toEqual(first.map((event) => ({ ...event, duplicate: true })));
    expect(await room.nextOffset("many")).toBe(301);
  });

  test("S12 filters, headers and schedules beyond their limits: 422 naming the limit", async () => {
    const value = "v".repeat(FILTER_MAX_BYTES);
    const refused: [object, number][] = [
      [{ filter: { match: { data: { value } } } }, FILTER_MAX_BYTES],
      [{ headers: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`x-${n}`, "v"])) }, CUSTOM_HEADERS_MAX],
      [{ retry: { scheduleSeconds: Array(RETRY_SCHEDULE_MAX_ENTRIES + 1).fill(1) } }, RETRY_SCHEDULE_MAX_ENTRIES],
      [{ url: `http://localhost:1/${"p".repeat(2048)}` }, 2048],
      [{ timeoutSeconds: 26 }, 25],
      [{ concurrency: 97 }, 96],
    ];
    for (const [document, limit] of refused) {
      const answer = await room.send("POST", "/v1/subscriptions", subscribing(document));
      expectProblem(answer, 422);
      expect(answer.text).toContain(String(limit));
    }
    expect(await room.nextOffset("limits")).toBe(0);
  });
});

describe("Ids and idempotency", () => {
  test("I01 the same key and bytes: the first answer, marked as a duplicate", async () => {
    const first = await accepted("ids", EVENT, { "idempotency-key": "i01" });
    const repeats = [];
    for (let i = 0; i < 3; i++) repeats.push(await accepted("ids", EVENT, { "idempotency-key": "i01" }));
    expect(first.duplicate).toBe(false);
    expect(repeats).toEqual(Array(3).fill({ ...first, duplicate: true }));
    expect(await room.nextOffset("ids")).toBe(2);
  });

  test("I02 the same key and other bytes: 422, the first stays", async () => {
    await accepted("conflicts", EVENT, { "idempotency-key": "i02" });
    for (const body of [EVENT.replace("1", "2"), `${EVENT} `, `[${EVENT}]`]) {
      const answer = await room.post("conflicts", body, { "idempotency-key": "i02" });
      expectProblem(answer, 422);
      expect(JSON.parse(answer.text)).toMatchObject({ code: "idempotency-conflict" });
    }
    expect(await room.dataTexts("conflicts")).toEqual(['{"total":1}']);
  });

  test("I03 fifty posts at once with one key and bytes: one event", async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => accepted("races", EVENT, { "idempotency-key": "i03" })),
    );
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect(answers.filter((answer) => !answer.duplicate)).toHaveLength(1);
    expect(await room.nextOffset("races")).toBe(2);
  });

  test("I07 I08 I09 keys and events survive a kill together", async () => {
    const keys = Array.from({ length: 60 }, (_, n) => `i07-${n}`);
    const post = (key: string) => accepted("kills", `{"type":"n","data":"${key}"}`, { "idempotency-key": key });
    const acknowledged = new Map<string, Accepted>();
    const posts = keys.map((key) => post(key).then((answer) => acknowledged.set(key, answer)));
    await Promise.race(posts);
    await gateway().kill();
    await Promise.allSettled(posts);
    await gateway().restart();

    for (const key of keys) {
      const again = await post(key);
      const before = acknowledged.get(key);
      if (before !== undefined) expect(again).toEqual({ ...before, duplicate: true });
    }
    expect(acknowledged.size).toBeGreaterThan(0);
    expect((await room.dataTexts("kills")).sort()).toEqual(keys.map((key) => JSON.stringify(key)).sort());
  });

  test("I10 ids are given out, not chosen, and have no dot", async () => {
    for (const member of ["id", "offset", "partition", "receivedAt", "topic"]) {
      expectProblem(await room.post("dots", `{"type":"n","data":1,"${member}":"a.b"}`), 422);
    }
    const { id } = await accepted("dots", EVENT);
    expect(id).toMatch(/^evt_[0-9a-z]+$/);
  });

  test("I13 a repeat after the subscription was changed is no second delivery", async () => {
    const subscriber = await Subscriber.start();
    try {
      const client = gateway().client(room.tenant);
      const { id } = await client.subscribe({ topic: "repeats", url: subscriber.url });
      const first = await accepted("repeats", EVENT, { "idempotency-key": "i13" });
      await subscriber.waitFor(1);
      await client.ok("PATCH", `/v1/subscriptions/${id}`, { filter: { types: ["*"] }, description: "changed" });
      expect(await accepted("repeats", EVENT, { "idempotency-key": "i13" })).toEqual({ ...first, duplicate: true });
      const last = await accepted("repeats", EVENT);
      await subscriber.waitFor(1, (request) => request.headers["webhook-id"] === last.id);
      expect(subscriber.received.map((request) => request.headers["webhook-id"])).toEqual([first.id, last.id]);
    } finally {
      await subscriber.close();
    }
  });
});
