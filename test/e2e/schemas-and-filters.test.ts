import { describe, expect, it, onTestFinished } from "vitest";
import { withGateway } from "../support/gateway.ts";
import { Subscriber } from "../support/subscriber.ts";

const gateway = withGateway();

const schema = { type: "object", required: ["amount"], properties: { amount: { type: "number", minimum: 0 } } };
const events = (...amounts: unknown[]) => amounts.map((amount) => ({ type: "order.paid", data: { amount } }));

async function subscriber(...parameters: Parameters<typeof Subscriber.start>): Promise<Subscriber> {
  const started = await Subscriber.start(...parameters);
  onTestFinished(() => started.close());
  return started;
}

interface Refused {
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
}

describe("schemas (3.1)", () => {
  it("refuse what breaks them from the answer to the PUT on, and survive a crash", async () => {
    const client = gateway().client("schemas");
    const put = (types: unknown) => client.ok("PUT", "/v1/topics/orders", { types });
    const publish = (body: unknown) => client.request<Refused>("POST", "/v1/topics/orders/events", body);
    const next = async () => {
      const { log } = await client.ok<{ log: { nextOffset: number }[] }>("GET", "/v1/topics/orders");
      return log[0]?.nextOffset;
    };
    const types = { "order.paid": { schema, mode: "enforce" } };
    for (let round = 0; round < 5; round += 1) {
      await put({});
      expect((await publish(events(-1))).status).toBe(202);
      expect(await put(types)).toMatchObject({ types, warnings: {} });
      expect((await publish(events(-1)[0])).status).toBe(422);
    }
    expect(await next()).toBe(6);

    const { status, body } = await publish(events(1, 2, "3"));
    expect([status, body.code, body.errors]).toEqual([
      422,
      "invalid",
      [
        {
          pointer: "#/2/data/amount",
          detail: "breaks the rule `type` at #/properties/amount/type of the schema of order.paid",
        },
      ],
    ]);
    gateway().kill();
    await gateway().restart();
    expect((await publish(events(-1)[0])).body.errors).toMatchObject([{ pointer: "#/data/amount" }]);
    expect(await next()).toBe(6);

    await put({ "order.paid": { schema, mode: "warn" } });
    expect((await publish(events(-1, 1, "x"))).status).toBe(202);
    expect(await client.ok("GET", "/v1/topics/orders")).toMatchObject({ warnings: { "order.paid": 2 } });
    const bad = await client.request<Refused>("PUT", "/v1/topics/orders", {
      types: { "order.paid": { schema: { pattern: "(" }, mode: "enforce" } },
    });
    expect([bad.status, bad.body.errors[0]?.pointer]).toEqual([422, "#/types/order.paid/schema/pattern"]);
    expect((await publish(events(-1))).status).toBe(202);
  });
});

describe("filter-test (5.7)", () => {
  it("shows what a subscription with that filter gets, page by page", async () => {
    const client = gateway().client("filters");
    const filter = { types: ["order.*"], match: { data: { amount: { $gte: 100 }, tags: "vip" } } };
    const amounts = Array.from({ length: 30 }, (_, n) => n * 10);
    await client.ok("POST", "/v1/topics/orders/events", [
      ...amounts.map((amount) => ({
        type: "order.paid",
        data: { amount, tags: ["new", amount % 20 ? "vip" : "old"] },
      })),
      { type: "invoice", data: { amount: 500, tags: "vip" } },
    ]);
    type Page = { data: { id: string; offset: number }[]; scanned: number; next: string | null };
    const pages: Page[] = [];
    for (let cursor: string | null = null; pages.length === 0 || cursor !== null; ) {
      const page: Page = await client.ok("POST", "/v1/topics/orders/filter-test", { filter, limit: 4, cursor });
      pages.push(page);
      cursor = page.next;
    }
    expect(pages.map(({ data }) => data.length)).toEqual([4, 4, 2]);
    expect(pages.reduce((sum, { scanned }) => sum + scanned, 0)).toBe(31);
    const tested = pages.flatMap(({ data }) => data);
    const first = await client.ok("GET", `/v1/topics/orders/events/${tested[0]?.id}`);
    expect(tested[0]).toEqual(first);

    const hook = await subscriber();
    await client.subscribe({ topic: "orders", url: hook.url, filter, start: "earliest" });
    const received = await hook.waitFor(tested.length);
    expect(received.map(({ headers }) => headers["webhook-id"]).sort()).toEqual(tested.map(({ id }) => id).sort());
  });
});

describe('verification: "handshake" (5.1)', () => {
  it("asks the url first, and names the origin in what is sent", async () => {
    const client = gateway().client("handshake");
    let allowed = "elsewhere.example";
    const hook = await subscriber(({ method, headers }) =>
      method === "OPTIONS" && headers["webhook-request-origin"] !== undefined
        ? { status: 200, headers: { "webhook-allowed-origin": allowed, "webhook-allowed-rate": "120" } }
        : 200,
    );
    const document = { name: "asked", topic: "orders", url: hook.url, verification: "handshake" };
    const refused = await client.request<Refused>("POST", "/v1/subscriptions", document);
    expect([refused.status, refused.body.errors[0]?.pointer]).toEqual([422, "#/verification"]);
    expect((await client.request("GET", "/v1/subscriptions/asked")).status).toBe(404);
    expect((await client.request("GET", "/v1/topics/orders")).status).toBe(404);

    allowed = "localhost";
    expect(await client.subscribe(document)).toMatchObject({ verification: "handshake" });
    const event = await client.publish("orders", { type: "a", data: 1 });
    await hook.waitFor(1, ({ method }) => method === "POST");
    expect(hook.received.map(({ method, headers }) => [method, headers["webhook-request-origin"]])).toEqual([
      ["OPTIONS", "localhost"],
      ["OPTIONS", "localhost"],
      ["POST", "localhost"],
    ]);
    const { attempts } = await client.delivery("asked", event.id);
    expect(attempts[0]?.request.headers["webhook-request-origin"]).toBe("localhost");

    const gone = await subscriber();
    const { url } = gone;
    await gone.close();
    const unreachable = await client.request<Refused>("PATCH", "/v1/subscriptions/asked", { url });
    expect([unreachable.status, unreachable.body.errors[0]?.pointer]).toEqual([422, "#/verification"]);
    expect(await client.subscription("asked")).toMatchObject({ url: hook.url });
  });
});
