import { describe, expect, test } from "vitest";
import { routes } from "../../src/http/routes.ts";
import { fakeGateway, ROOT_KEY } from "../support/http-env.ts";

const EVENT = "evt_01m83tkced2bfvpkah0000000000005";

/** A path that the pattern matches. */
const pathOf = (pattern: string) =>
  pattern
    .replace(":topic", "orders")
    .replace(":event", EVENT)
    .replace(":subscription", "billing")
    .replace(":receiver", "demo-flaky")
    .replace(":code", "loop");

const patterns = [...new Set(routes.map((route) => route.path))];
const keyed = routes.filter((route) => route.scope !== "public");

describe("every path", () => {
  test.each(patterns)("%s answers other methods with 405 and Allow", async (pattern) => {
    const gateway = fakeGateway();
    const methods = routes.filter((route) => route.path === pattern).map((route) => route.method);
    const allowed = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"]) {
      if (allowed.includes(method)) continue;
      const answer = await gateway.send(method, pathOf(pattern));
      expect([method, answer.status, answer.headers.get("allow")]).toEqual([method, 405, allowed.join(", ")]);
      if (method !== "HEAD") expect(await answer.json()).toMatchObject({ code: "method-not-allowed" });
    }
    expect(gateway.calls.filter((call) => !call.endsWith("checkEncryptionKey"))).toEqual([]);
  });

  test.each(patterns)("%s is another path with a slash at its end", async (pattern) => {
    const answer = await fakeGateway().send("GET", `${pathOf(pattern)}/`);
    expect(answer.status).toBe(404);
  });
});

describe("every route with a key", () => {
  test.each(keyed.map((route) => [route.method, route.path] as const))("%s %s needs it", async (method, pattern) => {
    const gateway = fakeGateway();
    for (const headers of [{}, { authorization: "Basic eDp5" }, { authorization: `Bearer ${ROOT_KEY}x` }]) {
      const answer = await gateway.send(method, `${pathOf(pattern)}?unknown=1`, { key: null, headers });
      expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    }
    expect(gateway.calls.filter((call) => !call.endsWith("checkEncryptionKey"))).toEqual([]);
  });

  test.each(keyed.map((route) => [route.method, route.path] as const))(
    "%s %s refuses a bad tenant and query",
    async (method, pattern) => {
      const gateway = fakeGateway();
      const tenant = await gateway.send(method, pathOf(pattern), { headers: { "sluice-tenant": "No_Tenant" } });
      expect([tenant.status, (await tenant.json()) as object]).toMatchObject([422, { code: "invalid" }]);
      const query = await gateway.send(method, `${pathOf(pattern)}?unknown=1`);
      expect([query.status, await query.text()]).toEqual([422, expect.stringContaining("unknown")]);
    },
  );
});

describe("any answer", () => {
  test("has a request id, in the problem document too, and one log line", async () => {
    const gateway = fakeGateway();
    const answer = await gateway.send("GET", "/v1/topics/orders/events/..%2f?key=secret", {
      headers: { "sluice-tenant": "acme" },
    });
    const id = answer.headers.get("sluice-request-id");
    expect(id).toMatch(/^req_[0-9a-z]{26}$/);
    expect(await answer.json()).toEqual({
      type: "/problems/invalid",
      code: "invalid",
      title: "The request is invalid",
      status: 422,
      detail: 'The query member "key" is not known here.',
      requestId: id,
    });
    expect(gateway.lines).toHaveLength(1);
    expect(JSON.parse(gateway.lines[0] ?? "")).toEqual({
      event: "request",
      id,
      method: "GET",
      route: "/v1/topics/:topic/events/:event",
      status: 422,
      durationMilliseconds: expect.any(Number),
      tenant: "acme",
    });
  });

  test("of a fault tells nothing of it, while the log does", async () => {
    const gateway = fakeGateway({
      topicLog: {
        read: async () => ({ ok: true, value: { events: [], next: null, firstOffset: 1n, nextOffset: 1 } }) as never,
      },
      directory: { hasTopic: async () => true },
    });
    const answer = await gateway.send("GET", "/v1/topics/orders/events");
    expect(answer.status).toBe(500);
    expect(answer.headers.get("sluice-request-id")).not.toBeNull();
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({ code: "internal", type: "/problems/internal" });
    expect(text).not.toMatch(/BigInt|TypeError|\.ts/);
    expect(gateway.lines.join()).toContain("BigInt");
  });

  test("to HEAD is that to GET without its body", async () => {
    const gateway = fakeGateway({ directory: { probeWrite: async () => false } });
    const [head, get] = await Promise.all([gateway.send("HEAD", "/healthz"), gateway.send("GET", "/healthz")]);
    expect([head.status, await head.text()]).toEqual([503, ""]);
    expect([get.status, await get.json()]).toEqual([503, { ok: false }]);
    expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
  });
});

test.each([
  "/",
  "/v1",
  "/v1/",
  "/v2/topics",
  "/v1//topics",
  "//v1/topics",
  "/v1/topics/a/b/c",
  "/V1/topics",
  "/healthz/x",
])("%s is no path", async (path) => {
  const answer = await fakeGateway().send("GET", path);
  expect([answer.status, (await answer.json()) as object]).toMatchObject([404, { code: "not-found" }]);
});

describe("path parameters", () => {
  test("are decoded once, then checked", async () => {
    const gateway = fakeGateway({ directory: { hasTopic: async () => false } });
    const codes = async (path: string) => {
      const answer = await gateway.send("GET", path);
      return [answer.status, ((await answer.json()) as { code: string }).code];
    };
    expect(await codes("/v1/topics/%70arcels")).toEqual([404, "not-found"]);
    expect(gateway.calls).toContain("Directory default hasTopic");
    const before = gateway.calls.length;
    for (const name of [
      "%2570arcels",
      "%zz",
      "%",
      "%ff",
      "a%2Fb",
      "a%00b",
      "ORDERS",
      ".a",
      "a..b",
      "a.",
      "p%D0%B0yments",
    ]) {
      expect([name, await codes(`/v1/topics/${name}`)]).toEqual([name, [422, "invalid-topic"]]);
    }
    for (const name of ["%zz", "a%2Fb", "a%20b", "%252F"]) {
      expect([name, await codes(`/v1/subscriptions/${name}`)]).toEqual([name, [404, "not-found"]]);
    }
    for (const id of ["%zz", "1", "evt_1", EVENT.toUpperCase(), `${EVENT}.`]) {
      expect([id, await codes(`/v1/topics/orders/events/${id}`)]).toEqual([id, [404, "not-found"]]);
    }
    expect(gateway.calls).toHaveLength(before);
  });
});

test("each problem has a page", async () => {
  const gateway = fakeGateway();
  const page = await gateway.send("GET", "/problems/invalid-topic", { key: null });
  expect([page.status, (await page.json()) as object]).toMatchObject([
    200,
    { type: "/problems/invalid-topic", status: 422, explanation: expect.any(String) },
  ]);
  for (const code of ["nope", "__proto__", "toString", "%zz"]) {
    expect((await gateway.send("GET", `/problems/${code}`, { key: null })).status).toBe(404);
  }
});
