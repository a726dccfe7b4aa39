import { cpSync, rmSync } from "node:fs";
import { expect, it } from "vitest";
import type { Client, Published } from "../support/client.ts";
import { withGateway } from "../support/gateway.ts";

/**
 * What is done to the state directory behind the gateway's back: limits that docs/INVARIANTS.md tells of, as they are. The
 * third of them, C19 (a disk that says "written" and loses it with the power), no test can bring about.
 */

const gateway = withGateway();
const EVENT = { type: "order.created", data: 1 };

const publish = (client: Client, topic: string) =>
  client.request<Published>("POST", `/v1/topics/${topic}/events`, EVENT);

it("D13 an older copy put back: offsets go on from the copy, ids are never used again", async () => {
  const { stateDirectory } = gateway();
  const copy = `${stateDirectory}-copy`;
  const client = gateway().client("copied");
  const kept = await client.publish("orders", EVENT);
  await gateway().kill();
  cpSync(stateDirectory, copy, { recursive: true });
  await gateway().restart();
  const lost = await client.publish("orders", EVENT);
  await gateway().kill();
  rmSync(stateDirectory, { recursive: true });
  cpSync(copy, stateDirectory, { recursive: true });
  rmSync(copy, { recursive: true });
  await gateway().restart();
  const next = await client.publish("orders", EVENT);
  expect([kept, lost, next].map(({ offset }) => offset)).toEqual([1, 2, 2]);
  expect(new Set([kept, lost, next].map(({ id }) => id)).size).toBe(3);
  const [page = ""] = await client.logPages("orders");
  expect(JSON.parse(page)).toMatchObject({ data: [{ id: kept.id }, { id: next.id }] });
});

it("D05 deleted under a running gateway: what is open goes on in order, what has to be opened is refused", async () => {
  const client = gateway().client("deleted");
  const first = await client.publish("orders", EVENT);
  rmSync(gateway().stateDirectory, { recursive: true });
  // SQLite has these files open, and does not see that they have lost their names.
  expect(await publish(client, "orders")).toMatchObject({ status: 202, body: { offset: first.offset + 1 } });
  const refused = await publish(client, "never-seen");
  expect(refused).toMatchObject({ status: 503, body: { code: "unavailable" } });
  expect(refused.headers.get("retry-after")).not.toBeNull();
});
