import { beforeAll, describe, expect, test } from "vitest";
import { routes } from "../../src/http/routes.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { expectProblem, LogRoom } from "../support/log-room.ts";
import { rawExchange } from "../support/raw-http.ts";
import { Subscriber } from "../support/subscriber.ts";

const gateway = withSharedGateway();
let room: LogRoom;
beforeAll(() => {
  room = new LogRoom(gateway(), "bad-access");
});

const EVENT = '{"type":"order.paid","data":{"total":1}}';
const JSON_HEADERS = { "content-type": "application/json" };

describe("Topic names", () => {
  test("T02 upper case is refused in every path and document", async () => {
    for (const [method, path] of [
      ["GET", "/v1/topics/Orders"],
      ["PUT", "/v1/topics/Orders"],
      ["DELETE", "/v1/topics/Orders"],
      ["GET", "/v1/topics/Orders/events"],
      ["GET", "/v1/subscriptions?topic=Orders"],
      ["GET", "/v1/dead-letters?topic=Orders"],
    ] as const) {
      expectProblem(await room.send(method, path), 422);
    }
    expectProblem(await room.post("Orders", EVENT), 422);
    const body = JSON.stringify({ name: "cased", topic: "Orders", url: "http://localhost:1/" });
    expectProblem(await room.send("POST", "/v1/subscriptions", { headers: JSON_HEADERS, body }), 422);
    expect(JSON.parse((await room.send("GET", "/v1/topics")).text)).toMatchObject({ data: [] });
  });

  test("T04 malformed names bring nothing into being", async () => {
    const names = [
      ".",
      "..",
      "a..b",
      "a.",
      "-a",
      "_a",
      "a b",
      "a/b",
      "a\u0000",
      "%",
      "a".repeat(129),
      "sluice.",
      "sluice.x",
    ];
    for (const name of names) {
      const answer = await room.post(encodeURIComponent(name), EVENT);
      // The parser of URLs takes `.` and `..` for steps: what is left is another path.
      expectProblem(answer, ...(/^\.+$/.test(name) ? [404, 405] : [422]));
    }
    for (const name of ["%zz", "%", "%c3%28"]) expectProblem(await room.post(name, EVENT), 422);
    expectProblem(await room.send("POST", "/v1/topics//events", { headers: JSON_HEADERS, body: EVENT }), 404);
    expect((await room.post("a".repeat(128), EVENT)).status).toBe(202);
  });

  test("T06 a topic deleted and created again goes on counting and forgets its keys", async () => {
    const post = async () => {
      const { text } = await room.post("again", EVENT, { "idempotency-key": "t06" });
      return JSON.parse(text) as { offset: number; duplicate: boolean };
    };
    expect(await post()).toMatchObject({ offset: 1, duplicate: false });
    expect((await room.send("DELETE", "/v1/topics/again")).status).toBe(204);
    expectProblem(await room.send("GET", "/v1/topics/again/events"), 404);
    expectProblem(await room.send("DELETE", "/v1/topics/again"), 404);
    expect(await post()).toMatchObject({ offset: 2, duplicate: false });
    expect(await room.dataTexts("again")).toHaveLength(1);
    expectProblem(await room.send("GET", "/v1/topics/again/events?after=0"), 410);
  });

  test("T07 `orders.*` takes types that begin with `orders.`, in a list as in deliveries", async () => {
    const types = ["orders", "orders.", "orders.a", "orders.a.b", "ordersx", "Orders.a", "x.orders.a"];
    const expected = ["orders.", "orders.a", "orders.a.b"];
    const subscriber = await Subscriber.start();
    try {
      const client = gateway().client(room.tenant);
      await client.subscribe({ topic: "wild", url: subscriber.url, filter: { types: ["orders.*"] } });
      await room.post("wild", JSON.stringify(types.map((type) => ({ type, data: 1 }))));
      const delivered = await subscriber.waitFor(expected.length);
      const bodies = delivered.map((request) => JSON.parse(request.body.toString()) as { type: string });
      expect(bodies.map((body) => body.type).sort()).toEqual(expected);
      const list = await client.ok<{ data: { type: string }[] }>("GET", "/v1/topics/wild/events?type=orders.*");
      expect(list.data.map((event) => event.type)).toEqual(expected);
    } finally {
      await subscriber.close();
    }
  });
});

describe("Auth", () => {
  const pathOf = (pattern: string, ids: { subscription: string; event: string }) =>
    pattern
      .replace(":topic", "mine")
      .replace(":event", ids.event)
      .replace(":subscription", ids.subscription)
      .replace(":receiver", "demo-flaky");

  /** A body the route would take. */
  const bodyOf = (method: string, pattern: string) => {
    if (method === "POST" && pattern.endsWith("/events")) return EVENT;
    if (pattern.endsWith("/filter-test")) return '{"filter":{}}';
    if (method === "PATCH") return '{"description":"theirs"}';
    if (method === "PUT" && pattern.includes("subscriptions")) return '{"topic":"mine","url":"http://localhost:1/"}';
    return "{}";
  };

  async function mine() {
    const client = gateway().client(room.tenant);
    const { id: event } = await client.publish("mine", EVENT);
    const document = { topic: "mine", url: "http://localhost:1/", description: "mine" };
    const { id: subscription } = await client.ok<{ id: string }>("PUT", "/v1/subscriptions/mine", document);
    return { event, subscription, client };
  }

  test("A01 every route needs a key, and without one nothing happens", async () => {
    const { client, ...ids } = await mine();
    const before = await client.ok("GET", `/v1/subscriptions/${ids.subscription}`);
    for (const { method, path, scope } of routes) {
      if (scope === "public") continue;
      for (const authorization of ["", "Bearer ", "Basic cm9vdDpyb290", "Bearer wrong-wrong-wrong"]) {
        const body = method === "GET" ? {} : { body: bodyOf(method, path) };
        const headers = { ...JSON_HEADERS, authorization };
        const answer = await room.send(method, pathOf(path, ids), { ...body, headers });
        expectProblem(answer, 401);
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      }
    }
    expect(await client.ok("GET", `/v1/subscriptions/${ids.subscription}`)).toEqual(before);
    for (const open of ["/healthz", "/problems/invalid"]) {
      expect((await room.send("GET", open, { headers: { authorization: "" } })).status).toBe(200);
    }
  });

  test("A03 what one tenant has is not there for another, on any route", async () => {
    const { client, ...ids } = await mine();
    const before = await client.ok("GET", `/v1/subscriptions/${ids.subscription}`);
    const next = await room.nextOffset("mine");
    const stranger = new LogRoom(gateway(), "bad-access-stranger");
    const changing = ["PUT /v1/topics/:topic", "POST /v1/topics/:topic/events"];
    for (const { method, path } of routes) {
      if (!/:(topic|subscription)/.test(path) || changing.includes(`${method} ${path}`)) continue;
      const body = method === "GET" ? {} : { headers: JSON_HEADERS, body: bodyOf(method, path) };
      // Which events are to be erased is said in the query.
      const query = method === "DELETE" && path.endsWith("/events") ? "?key=k" : "";
      expectProblem(await stranger.send(method, `${pathOf(path, ids)}${query}`, body), 404);
    }
    for (const list of ["/v1/topics", "/v1/subscriptions", "/v1/dead-letters"]) {
      expect(JSON.parse((await stranger.send("GET", list)).text)).toEqual({ data: [], next: null });
    }
    // The same names are the stranger's own when he uses them.
    expect((await stranger.post("mine", EVENT)).status).toBe(202);
    expect(await client.ok("GET", `/v1/subscriptions/${ids.subscription}`)).toEqual(before);
    expect(await room.nextOffset("mine")).toBe(next);
  });

  test("A07 members that are the gateway's to set: 422", async () => {
    for (const member of ["tenant", "tenant_id", "seq", "offset", "id", "createdAt", "status", "secret", "duplicate"]) {
      expectProblem(await room.post("assigned", `{"type":"n","data":1,"${member}":"x"}`), 422);
    }
    const document = { name: "assigned", topic: "assigned", url: "http://localhost:1/" };
    for (const member of ["id", "tenant", "state", "createdAt", "updatedAt", "cursor", "lag", "health", "secrets"]) {
      const body = JSON.stringify({ ...document, [member]: "x" });
      expectProblem(await room.send("POST", "/v1/subscriptions", { headers: JSON_HEADERS, body }), 422);
    }
    const topic = { headers: JSON_HEADERS, body: '{"nextOffset":9}' };
    expectProblem(await room.send("PUT", "/v1/topics/assigned", topic), 422);
    expect(await room.nextOffset("assigned")).toBe(0);
  });

  test("A10 garbage for a key: 401, or refused by the HTTP server itself", async () => {
    const jwt = "eyJhbGciOiJub25lIiwia2lkIjoiLi4vLi4vZGV2L251bGwifQ.eyJzdWIiOiJyb290In0.";
    for (const authorization of [`Bearer ${jwt}`, "Bearer null", "Bearer *", "Bearer ' OR 1=1 --", "Digest a=b", "x"]) {
      expectProblem(await room.send("GET", "/v1/topics", { headers: { authorization } }), 401);
    }
    const statusOf = async (value: string) => {
      const head = `GET /v1/topics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${value}\r\n\r\n`;
      return (await rawExchange(gateway().port, head)).answers[0]?.status;
    };
    expect(await statusOf("k".repeat(60_000))).toBe(401);
    expect(await statusOf(`${gateway().rootKey}\xff`)).toBe(401);
    expect([400, 401, 431]).toContain(await statusOf("k".repeat(1_000_000)));
    expect([400, 401]).toContain(await statusOf(`${gateway().rootKey}\0`));
  });

  test("A11 paths that are not in the table are not there", async () => {
    for (const path of [
      "/debug",
      "/v1/debug",
      "/v1/test",
      "/admin",
      "/v1/topics/mine/reset",
      "/.env",
      "/v1/keys/1/2",
    ]) {
      expectProblem(await room.send("GET", path), 404);
    }
  });
});
