import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isProviderName, type ProviderName } from "../../src/sources/registry.ts";
import type { Answer, Client, Page } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { withGateway } from "../support/gateway.ts";
import type { SourceAnswer } from "../support/source-gateway.ts";
import { TABLES } from "../support/sources/all.ts";
import { type Received, Subscriber } from "../support/subscriber.ts";

/** Webhooks of every provider, through the whole gateway, to a subscriber that gets the bytes as they came. */

const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";

const gateway = withGateway();
let client: Client;
let subscriber: Subscriber;
beforeAll(async () => {
  client = gateway().client("webhooks");
  subscriber = await Subscriber.start();
});
afterAll(() => subscriber.close());

interface EventAnswer {
  readonly id: string;
  readonly offset: number;
  readonly type: string;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly dataBase64?: string;
}

const create = (document: Readonly<Record<string, unknown>>): Promise<SourceAnswer> =>
  client.ok("POST", "/v1/sources", document);

const bytesOf = (body: string | Uint8Array): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(typeof body === "string" ? new TextEncoder().encode(body) : body);

/** As the provider would send it, with the first secret of its table. */
async function deliver(
  url: string,
  provider: ProviderName,
  body: string | Uint8Array,
  { contentType = FORM, headers = {} }: { contentType?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer<{ readonly id: string; readonly offset: number } | null>> {
  const { sign, secrets } = TABLES[provider];
  const time = String(Math.floor(Date.now() / 1000));
  const bytes = bytesOf(body);
  const proof = sign({ secret: secrets[0], body: bytes, contentType, url, time });
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": contentType, ...headers, ...proof },
    body: bytes,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

const settingsOf = (provider: ProviderName) => ({
  provider,
  secrets: provider === "none" ? [] : [TABLES[provider].secrets[1], TABLES[provider].secrets[0]],
  options: TABLES[provider].hmac ?? {},
});

const providers = Object.keys(TABLES).filter(isProviderName);

describe.each(providers)("%s", (provider) => {
  const topic = `from-${provider}`;
  // A repeat is known by what the provider sends along, or by what this source is told to look at.
  const told = { ...settingsOf(provider), topic };
  const options = { ...told.options, idempotencyFrom: "header:x-try-id", typeFrom: "/kind", keyFrom: "/kind" };

  it("arrives byte for byte, once, and is counted", async () => {
    const source = await create({ ...told, name: topic, options });
    const { id } = await client.subscribe({ name: topic, topic, url: subscriber.url, format: "raw" });
    // A form, and bytes that are not UTF-8; every provider may send it, and Twilio signs its fields.
    const body = new Uint8Array([...bytesOf("kind=Kind+One&x=%ED%A0%80&y="), 0xff, 0x00, 0xfe]);
    const headers = { "x-try-id": "try-1" };
    const first = await deliver(source.url, provider, body, { headers });
    const again = await deliver(source.url, provider, new Uint8Array([...body, 0x21]), { headers });
    const status = provider === "twilio" ? 200 : 202;
    expect([first.status, again.status]).toEqual([status, status]);
    expect(again.body).toEqual(first.body);
    if (provider === "twilio") expect(first.body).toBeNull();
    else expect(first.body).toEqual({ id: expect.stringMatching(/^evt_/), offset: 1 });

    const forged = await fetch(source.url, { method: "POST", headers: { ...headers, "x-try-id": "try-2" }, body });
    expect(forged.status).toBe(provider === "none" ? 202 : 401);
    const counts = provider === "none" ? { accepted: 2, refused: 0 } : { accepted: 1, refused: 1 };
    const shown = await client.ok<SourceAnswer>("GET", `/v1/sources/${topic}`);
    expect(shown).toMatchObject({ ...counts, duplicates: 1, url: source.url });
    expect(shown.lastRefusal === null).toBe(provider === "none");

    const { data } = await client.ok<Page<EventAnswer>>("GET", `/v1/topics/${topic}/events`);
    expect(data).toHaveLength(provider === "none" ? 2 : 1);
    expect(data[0]).toMatchObject({ offset: 1, type: `${provider}.kind.one`, key: "Kind One", contentType: FORM });
    expect(data[0]?.dataBase64).toBe(Buffer.from(body).toString("base64"));
    const [request] = await subscriber.waitFor(1, ({ headers: got }) => got["sluice-subscription"] === id);
    expect(request?.headers).toMatchObject({ "content-type": FORM, "webhook-id": data[0]?.id });
    expect(request?.body.equals(body)).toBe(true);
    expect(JSON.stringify([shown, data])).not.toContain(TABLES[provider].secrets[0] || "no secret");
  });
});

describe("bytes", () => {
  it.each<[string, string, string, string]>([
    [
      "an escaped lone surrogate, numbers and spaces",
      JSON_TYPE,
      '{ "a":"\\ud800", "n":9007199254740993, "f":1.0 }\n',
      "",
    ],
    ["a member twice", "application/json; charset=utf-8", '{"a":1,"a":2}', ""],
    ["what only calls itself JSON", JSON_TYPE, "Hello, World!", "application/octet-stream"],
    ["nothing", JSON_TYPE, "", "application/octet-stream"],
    ["plain text", "text/plain; charset=utf-8", "ü", ""],
  ])("arrive as they are: %s", async (title, contentType, body, keptAs) => {
    const topic = `bytes-${title.length}`;
    const source = await create({ ...settingsOf("github"), topic });
    const raw = await client.subscribe({ topic, url: subscriber.url, format: "raw" });
    const standard = await client.subscribe({ topic, url: subscriber.url });
    const answer = await deliver(source.url, "github", body, { contentType });
    expect(answer.status).toBe(202);
    const got = async (id: string) => {
      const [request] = await subscriber.waitFor(1, ({ headers }) => headers["sluice-subscription"] === id);
      return request;
    };
    const request = await got(raw.id);
    expect([request?.body.toString(), request?.headers["content-type"]]).toEqual([body, keptAs || contentType]);
    // Whoever reads it as JSON can.
    const document = JSON.parse((await got(standard.id))?.body.toString() ?? "");
    const inJson = contentType.startsWith(JSON_TYPE) && keptAs === "";
    expect(Object.keys(document).at(-1)).toBe(inJson ? "data" : "dataBase64");
    const { data } = await client.ok<Page<EventAnswer>>("GET", `/v1/topics/${topic}/events`);
    expect(data[0]?.headers["content-type"]).toBe(keptAs === "" ? undefined : contentType);
  });
});

it("keeps the order of a key that is in the body, while other keys go on", async () => {
  const source = await create({
    ...settingsOf("github"),
    topic: "ordered",
    options: { keyFrom: "/repository/full_name" },
  });
  const { id } = await client.subscribe({
    ...{ topic: "ordered", url: subscriber.url, format: "raw", filter: { types: ["github.push"] } },
    retry: { scheduleSeconds: [1, 1, 1] },
  });
  const failed = new Set<string>();
  subscriber.script = (request: Received) => {
    const text = request.body.toString();
    // The first of the first repository fails once: what comes after it has to wait.
    if (!text.includes('"n":0,') || !text.includes('"a/a"') || failed.has(text)) return 200;
    failed.add(text);
    return 500;
  };
  const headers = { "x-github-event": "push" };
  for (let n = 0; n < 12; n++) {
    const body = JSON.stringify({ n, at: 0, repository: { full_name: n % 3 === 0 ? "a/a" : "b/b" } });
    const { status } = await deliver(source.url, "github", body, { contentType: JSON_TYPE, headers });
    expect(status).toBe(202);
  }
  const received = await subscriber.waitFor(13, ({ headers: got }) => got["sluice-subscription"] === id);
  const numbersOf = (key: string) =>
    received
      .filter((request) => request.headers["sluice-key"] === encodeURIComponent(key))
      .map(({ body }) => JSON.parse(body.toString()).n);
  expect(numbersOf("a/a")).toEqual([0, 0, 3, 6, 9]);
  expect(numbersOf("b/b")).toEqual([1, 2, 4, 5, 7, 8, 10, 11]);
  // b/b did not wait for the second of a/a.
  const keys = received.map((request) => request.headers["sluice-key"]);
  expect(keys.lastIndexOf("b%2Fb")).toBeLessThan(keys.length - 1);
  subscriber.script = 200;
});

it("belongs to one tenant, and goes on after a crash under its URL, with what it knew", async () => {
  const source = await create({ ...settingsOf("github"), topic: "crash" });
  const headers = { "x-github-delivery": "d-1" };
  const first = await deliver(source.url, "github", "1", { headers });
  expect(first.status).toBe(202);
  const other = gateway().client("someone-else");
  expect((await other.request("GET", `/v1/sources/${source.id}`)).status).toBe(404);
  expect((await other.request("GET", "/v1/topics/crash/events")).status).toBe(404);
  expect((await other.ok<Page<SourceAnswer>>("GET", "/v1/sources")).data).toEqual([]);

  await gateway().restart();
  const again = await deliver(source.url, "github", "2", { headers });
  expect([again.status, again.body]).toEqual([202, first.body]);
  expect((await deliver(source.url, "github", "3")).status).toBe(202);
  expect(await client.ok("GET", `/v1/sources/${source.id}`)).toMatchObject({ accepted: 2, duplicates: 1, refused: 0 });
  await client.ok("DELETE", `/v1/sources/${source.id}`);
  expect((await deliver(source.url, "github", "4")).status).toBe(404);
  const lines = gateway().log.map((line) => JSON.stringify(line));
  const token = new URL(source.url).pathname.slice("/in/".length);
  await eventually(async () => expect(lines.some((line) => line.includes("/in/:token"))).toBe(true));
  for (const secret of [token, "It's a Secret"]) expect(lines.filter((line) => line.includes(secret))).toEqual([]);
});
