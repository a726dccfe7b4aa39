import { beforeAll, describe, expect, test } from "vitest";
import { withGateway } from "../support/gateway.ts";
import { expectProblem, LogRoom, type TextAnswer } from "../support/log-room.ts";

/** API clause 4.3 from outside: whatever an event is known by, races and kills make one of it. */

const gateway = withGateway();
let room: LogRoom;
beforeAll(() => {
  room = new LogRoom(gateway(), "idempotency");
});

interface Accepted {
  readonly id: string;
  readonly offset: number;
  readonly duplicate: boolean;
}

const AT_ONCE = 50;
const JSON_TYPE = { "content-type": "application/json" };
const binary = (id: string) => ({ "ce-specversion": "1.0", "ce-id": id, "ce-source": "/s", "ce-type": "t" });
const structured = (id: string, data: unknown) => ({ specversion: "1.0", id, source: "/s", type: "t", data });

let sent = 0;
/** A post that is known by `id`; where that looks at no bytes, with others each time. */
const KINDS: readonly [string, (topic: string, id: string) => Promise<TextAnswer>][] = [
  ["header", (topic, id) => room.post(topic, '{"type":"t","data":1}', { "idempotency-key": id })],
  ["member", (topic, id) => room.post(topic, JSON.stringify({ type: "t", data: 1, idempotencyKey: id }))],
  [
    "structured",
    (topic, id) =>
      room.post(topic, JSON.stringify(structured(id, ++sent)), { "content-type": "application/cloudevents+json" }),
  ],
  [
    "ce-batch",
    (topic, id) =>
      room.post(topic, JSON.stringify([structured(id, ++sent)]), {
        "content-type": "application/cloudevents-batch+json",
      }),
  ],
  ["binary", (topic, id) => room.post(topic, String(++sent), { ...JSON_TYPE, ...binary(id) })],
];

function accepted({ status, text }: TextAnswer): Accepted {
  expect([status, text]).toEqual([202, text]);
  const body = JSON.parse(text) as Accepted & { events?: readonly Accepted[] };
  return body.events?.[0] ?? body;
}

describe.each(KINDS)("%s", (name, post) => {
  test("fifty posts at once make one event, and all are answered with it", async () => {
    const posts = Array.from({ length: AT_ONCE }, async () => accepted(await post(`races-${name}`, "one")));
    const answers = await Promise.all(posts);
    expect(new Set(answers.map(({ id, offset }) => `${id} ${offset}`)).size).toBe(1);
    expect(answers.filter((answer) => !answer.duplicate)).toHaveLength(1);
    expect(await room.nextOffset(`races-${name}`)).toBe(2);
  });
});

test("a kill in the midst of it leaves one event of each, under the id that was answered", async () => {
  const ids = Array.from({ length: 20 }, (_, n) => `kill-${n}`);
  const acknowledged = new Map<string, Accepted>();
  const posts = KINDS.flatMap(([name, post]) =>
    ids.map(async (id) => {
      acknowledged.set(`${name} ${id}`, accepted(await post(`kills-${name}`, id)));
    }),
  );
  await Promise.race(posts);
  await gateway().kill();
  await Promise.allSettled(posts);
  await gateway().restart();
  expect(acknowledged.size).toBeGreaterThan(0);
  for (const [name, post] of KINDS) {
    for (const id of ids) {
      const before = acknowledged.get(`${name} ${id}`);
      const again = accepted(await post(`kills-${name}`, id));
      if (before !== undefined) expect(again).toEqual({ ...before, duplicate: true });
      expect(accepted(await post(`kills-${name}`, id))).toEqual({ ...again, duplicate: true });
    }
    expect(await room.nextOffset(`kills-${name}`)).toBe(ids.length + 1);
  }
});

test("a CloudEvent is known in every form, and a user's key is never taken for it", async () => {
  const answers: Accepted[] = [];
  for (const [name, post] of [...KINDS, ...KINDS]) {
    if (!["header", "member"].includes(name)) answers.push(accepted(await post("mixed", "a")));
  }
  const [first, ...others] = answers;
  expect(others).toEqual(others.map(() => ({ ...first, duplicate: true })));
  for (const key of ["a", "/s a", "cloudevent /s a"]) {
    const answer = accepted(await room.post("mixed", '{"type":"t","data":1}', { "idempotency-key": key }));
    expect(answer.duplicate).toBe(false);
  }
  const forged = JSON.stringify({ type: "t", data: 1, idempotencyKey: "cloudevent\n/s\na" });
  expectProblem(await room.post("mixed", forged), 422);
});

test("a batch that was partly known is repeated exactly under its header's key, also after a kill", async () => {
  const type = { "content-type": "application/cloudevents-batch+json" };
  const body = JSON.stringify(["new", "old", "new", "other"].map((id) => structured(id, 1)));
  await room.post("partly", JSON.stringify([structured("old", 0)]), type);
  const post = async () => {
    const { text } = await room.post("partly", body, { ...type, "idempotency-key": "whole" });
    return (JSON.parse(text) as { events: Accepted[] }).events;
  };
  const first = await post();
  expect(first.map(({ offset, duplicate }) => [offset, duplicate])).toEqual([
    [2, false],
    [1, true],
    [2, true],
    [3, false],
  ]);
  await gateway().kill();
  await gateway().restart();
  expect(await post()).toEqual(first.map((event) => ({ ...event, duplicate: true })));
  const changed = await room.post("partly", body.replace("other", "fourth"), { ...type, "idempotency-key": "whole" });
  expectProblem(changed, 422);
  expect(JSON.parse(changed.text)).toMatchObject({ code: "idempotency-conflict" });
  expect(await room.nextOffset("partly")).toBe(4);
});

test("a duplicate is answered before the expected offset is compared", async () => {
  const headers = { ...JSON_TYPE, ...binary("expected"), "sluice-expected-offset": "1" };
  const first = accepted(await room.post("expecting", "1", headers));
  expect(accepted(await room.post("expecting", "2", headers))).toEqual({ ...first, duplicate: true });
  expectProblem(await room.post("expecting", "1", { ...headers, "ce-id": "next" }), 412);
});
