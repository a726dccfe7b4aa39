import { expect, test, vi } from "vitest";
import { problem } from "../../src/core/errors.ts";
import { err, ok } from "../../src/core/result.ts";
import type { DirectoryRpc } from "../../src/directory/rpc.ts";
import { fakeGateway } from "../support/http-env.ts";
import { viewOf } from "../support/subscription-view.ts";

const EVENT = "evt_01m83vpkqefqqxvrgp0000000000002";
let tenants = 0;

/** A tenant without topics, on a gateway that lets nobody but PUT create any. */
function emptyTenant() {
  const headers = { "sluice-tenant": `gateway-topic-${++tenants}` };
  const ensureTopic = vi.fn<DirectoryRpc["ensureTopic"]>(async () => ok({ created: true }));
  const description = { description: "", retentionDays: 30, retentionBytes: null, partition: 0, firstOffset: 1 };
  const gateway = fakeGateway({
    variables: { TOPICS_AUTO_CREATE: "false" },
    directory: { hasTopic: async () => false, ensureTopic },
    topicLog: {
      types: async () => ok({ types: {}, warnings: {} }),
      describe: async () => ok({ ...description, nextOffset: 1, bytes: 0, createdAt: 0, subscriptions: 0 }),
      read: async () => ok({ events: [], next: null, firstOffset: 1, nextOffset: 1 }),
      event: async () => err(problem("not-found", "There is no such event here.")),
      matching: async () => err(problem("not-found", "There is no such event here.")),
    },
    subscription: { create: async (config) => ok(viewOf(config)) },
  });
  const send = async (method: string, path: string, json?: unknown) =>
    (await gateway.send(method, path, json === undefined ? { headers } : { headers, json })).status;
  return { send, ensured: () => ensureTopic.mock.calls.map(([topic]) => topic) };
}

test.each([
  ["/v1/topics/sluice.events", 200],
  ["/v1/topics/sluice.events/events", 200],
  [`/v1/topics/sluice.events/events/${EVENT}`, 404],
  [`/v1/topics/sluice.events/events/${EVENT}/deliveries`, 404],
])("the topic of operational events is there for GET %s before its first event", async (path, status) => {
  const { send, ensured } = emptyTenant();
  expect([await send("GET", path), ensured()]).toEqual([status, ["sluice.events"]]);
  const other = emptyTenant();
  expect([await other.send("GET", path.replace("sluice.events", "sluice.other")), other.ensured()]).toEqual([404, []]);
});

test("it can be subscribed to before its first event", async () => {
  const { send, ensured } = emptyTenant();
  const document = { topic: "sluice.events", url: "https://example.com/hook" };
  expect(await send("POST", "/v1/subscriptions", { ...document, start: { offset: 2 } })).toBe(422);
  expect(ensured()).toEqual([]);
  expect(await send("POST", "/v1/subscriptions", document)).toBe(201);
  expect(ensured()).toEqual(["sluice.events"]);
  expect(await send("POST", "/v1/subscriptions", { ...document, topic: "sluice.other" })).toBe(404);
  expect(await send("POST", "/v1/subscriptions", { ...document, topic: "orders" })).toBe(404);
});

test("it is nobody's to publish to, create or delete", async () => {
  const { send, ensured } = emptyTenant();
  expect(await send("POST", "/v1/topics/sluice.events/events", { type: "x", data: 1 })).toBe(422);
  expect(await send("PUT", "/v1/topics/sluice.events")).toBe(422);
  expect(await send("DELETE", "/v1/topics/sluice.events?force=true")).toBe(422);
  expect(ensured()).toEqual([]);
});
