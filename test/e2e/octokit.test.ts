import { setTimeout as pause } from "node:timers/promises";
import examples from "@octokit/webhooks-examples" with { type: "json" };
import { afterAll, expect, it } from "vitest";
import type { Client, Published } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { offsetOf } from "../support/rooms.ts";
import { dataText, type Received, Subscriber, verify } from "../support/subscriber.ts";

const BATCH_EVENTS = 10;

const gateway = withSharedGateway();
const subscribers: Subscriber[] = [];

afterAll(() => Promise.all(subscribers.map((subscriber) => subscriber.close())));

interface Payload {
  readonly type: string;
  /** The repository it is about; null for what is about an organization or an installation. */
  readonly key: string | null;
  /** The very bytes of `data`: compact or indented, as different producers write. */
  readonly data: string;
}

const repositoryOf = (payload: object): string | null =>
  "repository" in payload &&
  typeof payload.repository === "object" &&
  payload.repository !== null &&
  "full_name" in payload.repository &&
  typeof payload.repository.full_name === "string"
    ? payload.repository.full_name
    : null;

const payloads: Payload[] = examples
  .flatMap(({ name, examples: ofName }) => ofName.map((payload: object) => ({ name, payload })))
  .map(({ name, payload }, index) => ({
    type: `github.${name}`,
    key: repositoryOf(payload),
    data: JSON.stringify(payload, null, index % 3),
  }));

/** One producer for each repository, as they are in the world; what has none is spread over a few. */
function producers(): number[][] {
  const byKey = new Map<string, number[]>();
  payloads.forEach(({ key }, index) => {
    const producer = key ?? `without a repository ${index % 4}`;
    byKey.set(producer, [...(byKey.get(producer) ?? []), index]);
  });
  return [...byKey.values()];
}

const textOf = ({ type, key, data }: Payload): string =>
  `${JSON.stringify({ type, ...(key === null ? {} : { key }) }).slice(0, -1)},"data":${data}}`;

/** Posts these payloads in order, some at a time; returns their indexes by the ids they got. */
async function post(client: Client, indexes: readonly number[]): Promise<[id: string, index: number][]> {
  const posted: [string, number][] = [];
  for (let from = 0; from < indexes.length; from += BATCH_EVENTS) {
    const batch = indexes.slice(from, from + BATCH_EVENTS);
    const texts = batch.flatMap((index) => payloads[index] ?? []).map(textOf);
    const { events } = await client.ok<{ events: Published[] }>(
      "POST",
      "/v1/topics/github/events",
      `[${texts.join(",")}]`,
    );
    events.forEach(({ id }, n) => {
      posted.push([id, batch[n] ?? -1]);
    });
  }
  return posted;
}

it("delivers every GitHub payload of @octokit/webhooks-examples: verified, identical, in order per repository", async () => {
  const client = gateway().client("octokit");
  // Answers take a while, a different one each: events of a repository sent side by side would arrive out of order.
  const subscriber = await Subscriber.start(async (request) => {
    await pause((offsetOf(request) * 7) % 13);
    return 200;
  });
  subscribers.push(subscriber);
  const { secret } = await client.subscribe({ name: "hook", topic: "github", url: subscriber.url });

  // A backlog of half of them, and the other half while it is being delivered.
  await client.ok("POST", "/v1/subscriptions/hook/pause");
  const posted = new Map<string, number>();
  const postAll = async (part: (index: number) => boolean) => {
    const lists = producers().map((indexes) => post(client, indexes.filter(part)));
    for (const [id, index] of (await Promise.all(lists)).flat()) posted.set(id, index);
  };
  const half = payloads.length / 2;
  await postAll((index) => index < half);
  await client.ok("POST", "/v1/subscriptions/hook/resume");
  await postAll((index) => index >= half);
  const received = await subscriber.waitFor(payloads.length);
  await eventually(async () => expect(await client.subscription("hook")).toMatchObject({ lag: 0 }));

  console.log(`${payloads.length} payloads of ${examples.length} event types posted, ${received.length} requests`);
  expect(payloads).toHaveLength(329);
  expect(received).toHaveLength(payloads.length);
  for (const request of received) verify(request, secret);
  const indexOf = (request: Received) => posted.get(request.headers["webhook-id"] ?? "") ?? -1;
  expect(new Set(received.map(indexOf)).size).toBe(payloads.length);
  for (const request of received) expect(dataText(request)).toBe(payloads[indexOf(request)]?.data);

  const orderOf = (indexes: readonly number[]) =>
    Map.groupBy(
      indexes.filter((index) => payloads[index]?.key !== null),
      (index) => payloads[index]?.key,
    );
  expect(orderOf(received.map(indexOf))).toEqual(orderOf(payloads.map((_, index) => index)));
});
