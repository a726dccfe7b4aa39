import { expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { attemptOf, retry, withRooms } from "../support/rooms.ts";

const gateway = withSharedGateway();
const room = withRooms(gateway);

interface Stats {
  readonly data: readonly {
    readonly start: string;
    readonly events: number;
    readonly attempts: number;
    readonly successes: number;
    readonly failures: number;
    readonly latencyMilliseconds: { readonly p50: number; readonly p95: number } | null;
  }[];
  readonly complete: boolean;
}

it("statistics count what was received and sent, of a topic, a subscription, or all (API clause 7.8)", async () => {
  const { client, publish, untilState, subscriber, subscriptionId } = await room(
    (request) => (attemptOf(request) === 1 ? 500 : 200),
    retry([0.1]),
  );
  await client.subscribe({ name: "second", topic: "other", url: subscriber.url, ...retry([0.1]) });
  const orders = [await publish(1), await publish(2)];
  const other = await client.publish("other", { type: "order.created", data: 3 });
  for (const { id } of orders) await untilState(id, "delivered");
  await eventually(async () => expect((await client.delivery("second", other.id)).state).toBe("delivered"));

  /** Summed up: the hour may end meanwhile. */
  const sums = async (query: string) => {
    const { data, complete } = await client.ok<Stats>("GET", `/v1/stats${query}`);
    expect(complete).toBe(true);
    expect(data.map(({ start }) => start)).toEqual(data.map(({ start }) => start).toSorted());
    const latencies = data.flatMap(({ latencyMilliseconds }) => latencyMilliseconds ?? []);
    for (const { p50, p95 } of latencies) expect(p50).toBeLessThanOrEqual(p95);
    expect(latencies.length).toBeGreaterThan(0);
    const sum = (of: "events" | "attempts" | "successes" | "failures") => data.reduce((all, one) => all + one[of], 0);
    return [sum("events"), sum("attempts"), sum("successes"), sum("failures")];
  };
  expect(await sums("")).toEqual([3, 6, 3, 3]);
  expect(await sums("?topic=orders&resolution=minute")).toEqual([2, 4, 2, 2]);
  expect(await sums("?subscription=second&resolution=day")).toEqual([1, 2, 1, 1]);
  expect(await sums(`?subscription=${subscriptionId}&topic=orders`)).toEqual([2, 4, 2, 2]);

  // What was deleted is in no sum; the log keeps its events.
  await client.ok("DELETE", "/v1/subscriptions/second");
  expect((await client.request("GET", "/v1/stats?subscription=second")).status).toBe(404);
  expect(await sums("")).toEqual([3, 4, 2, 2]);
});
