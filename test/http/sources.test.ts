import { describe, expect, it, test } from "vitest";
import {
  SOURCE_OPTION_MAX_CHARACTERS,
  SOURCE_SECRET_MAX_CHARACTERS,
  SOURCE_SECRETS_MAX,
} from "../../src/core/limits.ts";
import { isProviderName } from "../../src/sources/registry.ts";
import type { Page } from "../support/client.ts";
import { type SourceAnswer, sourceGateway } from "../support/source-gateway.ts";
import { TABLES } from "../support/sources/all.ts";

const GITHUB = { name: "gh", topic: "hooks", provider: "github", secrets: ["s3cret-of-github"] };
const HMAC = { topic: "hooks", provider: "hmac", secrets: ["k"] };

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

const refusalOf = (answer: Response): Promise<Refused> => answer.json<Refused>();

describe("a source", () => {
  it("is created with a URL of its own, and shown without its secrets", async () => {
    const gateway = sourceGateway();
    const answer = await gateway.send("POST", "/v1/sources", { json: GITHUB });
    expect(answer.status).toBe(201);
    const source = await answer.json<SourceAnswer>();
    expect(source).toEqual({
      ...{ id: expect.stringMatching(/^src_[0-9a-z]{26}$/), name: "gh", topic: "hooks", provider: "github" },
      url: expect.stringMatching(/^http:\/\/gateway\.example\/in\/[A-Za-z0-9_-]{52}$/),
      options: { typeFrom: null, keyFrom: null, idempotencyFrom: null },
      ...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
      ...{ accepted: 0, refused: 0, duplicates: 0, lastRefusal: null },
    });
    for (const name of ["gh", source.id]) expect(await gateway.get(name)).toEqual(source);
    const list = await (await gateway.send("GET", "/v1/sources")).json();
    expect(list).toEqual({ data: [source], next: null });
    const head = await gateway.send("HEAD", "/v1/sources/gh");
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(JSON.stringify([source, list, gateway.lines])).not.toContain("s3cret");
    expect(gateway.store.find("gh")?.secrets).toMatch(/^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
  });

  it("without a name is called by its id, and needs no topic that is there", async () => {
    const gateway = sourceGateway();
    const source = await gateway.create({ topic: "new-topic", provider: "none" });
    expect(source.name).toBe(source.id);
    expect(gateway.calls.filter((call) => /Topic/.test(call))).toEqual([]);
  });

  it("has a URL that no other has", async () => {
    const gateway = sourceGateway();
    const urls = new Set<string>();
    for (let n = 0; n < 20; n++) urls.add((await gateway.create({ topic: "hooks", provider: "none" })).url);
    expect(urls.size).toBe(20);
  });

  test.each(Object.entries(TABLES))("of %s is taken with its secrets, refused with others", async (provider, table) => {
    if (!isProviderName(provider)) throw new Error(provider);
    const gateway = sourceGateway();
    const options = provider === "hmac" ? { header: "x-signature" } : {};
    const right = provider === "none" ? [] : table.secrets;
    await gateway.create({ name: "right", topic: "hooks", provider, secrets: right, options });
    const wrong = [...table.refusedSecrets.map((secret) => [secret]), ...(provider === "none" ? [] : [[], [""]])];
    for (const secrets of wrong) {
      const json = { topic: "hooks", provider, secrets, options };
      const refused = await refusalOf(await gateway.send("POST", "/v1/sources", { json }));
      expect(refused, JSON.stringify(secrets)).toMatchObject({ status: 422, code: "invalid" });
      expect(refused.errors?.[0]?.pointer).toMatch(/^#\/secrets/);
      if (secrets[0]) expect(JSON.stringify(refused)).not.toContain(JSON.stringify(secrets[0]));
    }
  });

  it.each<[string, object, string]>([
    ["an unknown member", { ...GITHUB, secret: "x" }, "#/secret"],
    ["an unknown option", { ...GITHUB, options: { from: "/x" } }, "#/options/from"],
    ["no topic", { provider: "none" }, "#/topic"],
    ["a topic of another type", { ...GITHUB, topic: 1 }, "#/topic"],
    ["a topic that cannot be", { ...GITHUB, topic: "Upper" }, "#/topic"],
    ["a topic of the gateway", { ...GITHUB, topic: "sluice.events" }, "#/topic"],
    ["no provider", { topic: "hooks" }, "#/provider"],
    ["an unknown provider", { topic: "hooks", provider: "constructor", secrets: ["x"] }, "#/provider"],
    ["a provider in upper case", { ...GITHUB, provider: "GitHub" }, "#/provider"],
    ["a name like an id", { ...GITHUB, name: `src_${"0".repeat(26)}` }, "#/name"],
    ["a name with a slash", { ...GITHUB, name: "a/b" }, "#/name"],
    ["secrets that are no array", { ...GITHUB, secrets: "x" }, "#/secrets"],
    ["a secret that is no text", { ...GITHUB, secrets: ["x", 1] }, "#/secrets/1"],
    ["half a surrogate pair", { ...GITHUB, secrets: ["\ud800"] }, "#/secrets/0"],
    ["too long a secret", { ...GITHUB, secrets: ["x".repeat(SOURCE_SECRET_MAX_CHARACTERS + 1)] }, "#/secrets/0"],
    ["too many secrets", { ...GITHUB, secrets: Array(SOURCE_SECRETS_MAX + 1).fill("x") }, "#/secrets"],
    ["no pointer", { ...GITHUB, options: { keyFrom: "repository.id" } }, "#/options/keyFrom"],
    ["a malformed pointer", { ...GITHUB, options: { typeFrom: "/a~2" } }, "#/options/typeFrom"],
    ["a malformed header", { ...GITHUB, options: { idempotencyFrom: "header:a b" } }, "#/options/idempotencyFrom"],
    ["a secret header", { ...GITHUB, options: { typeFrom: "header:authorization" } }, "#/options/typeFrom"],
    [
      "too long a pointer",
      { ...GITHUB, options: { keyFrom: `/${"x".repeat(SOURCE_OPTION_MAX_CHARACTERS)}` } },
      "#/options/keyFrom",
    ],
    ["an option of hmac", { ...GITHUB, options: { header: "x-sig", prefix: "" } }, "#/options/header"],
    ["hmac without a header", HMAC, "#/options/header"],
    ["hmac with a malformed header", { ...HMAC, options: { header: "x sig" } }, "#/options/header"],
    ["an unknown algorithm", { ...HMAC, options: { header: "x", algorithm: "md5" } }, "#/options/algorithm"],
    ["an unknown encoding", { ...HMAC, options: { header: "x", encoding: "base32" } }, "#/options/encoding"],
    ["a prefix beyond ASCII", { ...HMAC, options: { header: "x", prefix: "é" } }, "#/options/prefix"],
  ])("with %s is refused, and nothing is kept", async (_title, json, pointer) => {
    const gateway = sourceGateway();
    const refused = await refusalOf(await gateway.send("POST", "/v1/sources", { json }));
    expect(refused.status).toBe(422);
    expect(refused.errors?.[0]?.pointer).toBe(pointer);
    expect(gateway.calls.filter((call) => call.endsWith("putSource"))).toEqual([]);
  });

  it("of hmac shows how it is verified", async () => {
    const gateway = sourceGateway();
    const plain = await gateway.create({ ...HMAC, options: { header: "X-Sig" } });
    expect(plain.options).toMatchObject({ header: "x-sig", algorithm: "sha256", encoding: "hex", prefix: "" });
    const options = { header: "sig", algorithm: "sha1", encoding: "base64", prefix: "v=", keyFrom: "/id" };
    const told = await gateway.create({ ...HMAC, options });
    expect(told.options).toEqual({ ...options, typeFrom: null, idempotencyFrom: null });
  });

  it("has its name alone", async () => {
    const gateway = sourceGateway();
    await gateway.create(GITHUB);
    const refused = await refusalOf(await gateway.send("POST", "/v1/sources", { json: GITHUB }));
    expect(refused).toMatchObject({ status: 409, code: "name-taken" });
  });

  it("needs its topic where topics are not created by themselves", async () => {
    const hasTopic = async (topic: string) => topic === "there";
    const gateway = sourceGateway({ directory: { hasTopic }, variables: { TOPICS_AUTO_CREATE: "false" } });
    const post = (topic: string) => gateway.send("POST", "/v1/sources", { json: { topic, provider: "none" } });
    expect([(await post("there")).status, (await post("absent")).status]).toEqual([201, 404]);
  });
});

describe("PUT", () => {
  it("creates it, then makes it what the document says, under the URL it has", async () => {
    const gateway = sourceGateway();
    const put = async (json: object) => {
      const answer = await gateway.send("PUT", "/v1/sources/gh", { json });
      return { status: answer.status, body: await answer.json<SourceAnswer>() };
    };
    const { name: _, ...document } = GITHUB;
    const created = await put({ ...document, options: { keyFrom: "/id" } });
    expect([created.status, created.body.name]).toEqual([201, "gh"]);
    const changed = await put({ ...GITHUB, topic: "other" });
    expect([changed.status, changed.body.topic, changed.body.options.keyFrom]).toEqual([200, "other", null]);
    expect([changed.body.url, changed.body.id]).toEqual([created.body.url, created.body.id]);
    expect((await put({ ...GITHUB, name: "another" })).status).toBe(422);
    expect(await put({ ...GITHUB, provider: "stripe" })).toMatchObject({ status: 409, body: { code: "conflict" } });
    expect((await put({ ...GITHUB, secrets: [] })).status).toBe(422);
    expect((await gateway.send("PUT", `/v1/sources/${created.body.id}`, { json: GITHUB })).status).toBe(200);
  });

  it("chooses no id, and no name that cannot be", async () => {
    const gateway = sourceGateway();
    const status = async (name: string) =>
      (await gateway.send("PUT", `/v1/sources/${name}`, { json: { topic: "hooks", provider: "none" } })).status;
    expect(await status(`src_${"0".repeat(26)}`)).toBe(404);
    expect(await status(`SRC_${"0".repeat(26)}`)).toBe(422);
    expect(await status("a%2Fb")).toBe(422);
    const other = { json: { topic: "hooks", provider: "none", name: "b" } };
    expect((await gateway.send("PUT", "/v1/sources/a", other)).status).toBe(422);
  });
});

describe("PATCH", () => {
  const patch = async (gateway: ReturnType<typeof sourceGateway>, json: unknown, name = "gh") => {
    const headers = { "content-type": "application/merge-patch+json" };
    const answer = await gateway.send("PATCH", `/v1/sources/${name}`, { json, headers });
    return { status: answer.status, body: await answer.json<SourceAnswer>() };
  };

  it("changes what it names, options one by one", async () => {
    const gateway = sourceGateway();
    await gateway.create({ ...GITHUB, options: { keyFrom: "/id", typeFrom: "/kind" } });
    expect(await patch(gateway, {})).toMatchObject({ status: 200, body: { topic: "hooks" } });
    const changed = await patch(gateway, { topic: "other", options: { keyFrom: null, idempotencyFrom: "/no" } });
    expect(changed.body).toMatchObject({
      topic: "other",
      options: { keyFrom: null, typeFrom: "/kind", idempotencyFrom: "/no" },
    });
    const bare = await patch(gateway, { options: null });
    expect(bare.body.options).toEqual({ keyFrom: null, typeFrom: null, idempotencyFrom: null });
  });

  it("of hmac keeps what it does not name", async () => {
    const gateway = sourceGateway();
    await gateway.create({ ...HMAC, name: "gh", options: { header: "sig", algorithm: "sha512", prefix: "v=" } });
    const changed = await patch(gateway, { options: { encoding: "base64", prefix: null } });
    expect(changed.body.options).toMatchObject({ header: "sig", algorithm: "sha512", encoding: "base64", prefix: "" });
    expect((await patch(gateway, { options: { header: null } })).status).toBe(422);
  });

  it.each<[unknown, string]>([
    [{ name: "x" }, "#/name"],
    [{ provider: "stripe" }, "#/provider"],
    [{ url: "https://x" }, "#/url"],
    [{ secrets: [] }, "#/secrets"],
    [{ secrets: null }, "#/secrets"],
    [{ topic: null }, "#/topic"],
    [{ topic: "sluice.x" }, "#/topic"],
    [{ options: { header: "x" } }, "#/options/header"],
    [{ accepted: 0 }, "#/accepted"],
    [[], "#"],
  ])("refuses %j", async (json, pointer) => {
    const gateway = sourceGateway();
    await gateway.create(GITHUB);
    const refused = await patch(gateway, json);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer }] } });
    expect((await patch(gateway, json, "absent")).status).toBe(404);
  });
});

describe("what is not there", () => {
  it("is 404, and another tenant's is not there", async () => {
    const gateway = sourceGateway();
    const { id } = await gateway.create(GITHUB);
    for (const name of ["absent", `src_${"0".repeat(26)}`, "%", "a%2Fb", `sub_${"0".repeat(26)}`]) {
      for (const method of ["GET", "DELETE"]) {
        const answer = await gateway.send(method, `/v1/sources/${name}`);
        expect(await refusalOf(answer), `${method} ${name}`).toMatchObject({ status: 404, code: "not-found" });
      }
    }
    expect((await gateway.send("DELETE", `/v1/sources/${id}`)).status).toBe(204);
    expect((await gateway.send("DELETE", `/v1/sources/${id}`)).status).toBe(404);
    expect((await gateway.send("GET", "/v1/sources/gh")).status).toBe(404);
    // A name that is free again.
    await gateway.create(GITHUB);
  });

  it("needs a key to be asked for", async () => {
    const gateway = sourceGateway();
    for (const [method, path] of [
      ["GET", "/v1/sources"],
      ["POST", "/v1/sources"],
      ["GET", "/v1/sources/gh"],
      ["PATCH", "/v1/sources/gh"],
      ["DELETE", "/v1/sources/gh"],
    ] as const) {
      const answer = await gateway.send(method, path, { key: null });
      expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    }
  });
});

it("sources are listed page by page", async () => {
  const gateway = sourceGateway();
  for (const name of ["a", "b", "c"]) await gateway.create({ name, topic: "hooks", provider: "none" });
  const names: string[] = [];
  let next: string | null = "";
  while (next !== null) {
    const cursor: string = next === "" ? "" : `&cursor=${next}`;
    const page = await (await gateway.send("GET", `/v1/sources?limit=2${cursor}`)).json<Page<SourceAnswer>>();
    names.push(...page.data.map(({ name }) => name));
    next = page.next;
  }
  expect(names.toSorted()).toEqual(["a", "b", "c"]);
  expect((await gateway.send("GET", "/v1/sources?cursor=x")).status).toBe(422);
  expect((await gateway.send("GET", "/v1/sources?provider=github")).status).toBe(422);
});
