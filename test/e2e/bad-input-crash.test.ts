import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { expect, it } from "vitest";
import type { Client, Published } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { type Gateway, withGateway } from "../support/gateway.ts";
import { Subscriber } from "../support/subscriber.ts";

/** The Crash group of bad inputs as far as producers see it; what subscribers see of it is in crash, recovery and chaos. */

const gateway = withGateway();
const IN_FLIGHT = 50;
const UPLOAD_BYTES = 3_000_000;

interface Process {
  readonly pid: number;
  readonly group: number;
  readonly args: string;
}

/** The processes of a gateway: all of the group in which its state directory was given. */
function processesOf({ stateDirectory }: Gateway): Process[] {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,pgid=,args="], { encoding: "utf8" });
  const all = stdout.split("\n").map((line): Process => {
    const [, pid, group, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid: Number(pid), group: Number(group), args };
  });
  const own = all.find(({ args }) => args.includes(stateDirectory))?.group;
  return all.filter(({ group }) => group === own);
}

/** All of the log, by id. */
async function logOf(client: Client, topic: string): Promise<Map<string, number>> {
  const pages = (await client.logPages(topic)).map((page): { data: Published[] } => JSON.parse(page));
  return new Map(pages.flatMap(({ data }) => data.map(({ id, offset }) => [id, offset])));
}

/** Sends the head of a publish and a part of its body, and leaves it at that. */
function halfAnUpload({ port, rootKey }: Gateway, topic: string): Promise<void> {
  const socket = connect({ port, host: "localhost" });
  socket.on("error", () => undefined);
  const head = [`POST /v1/topics/${topic}/events HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${rootKey}`];
  head.push("Content-Type: application/json", `Content-Length: ${UPLOAD_BYTES}`, "", "");
  const body = `{"type":"half.sent","data":"${"x".repeat(UPLOAD_BYTES / 2)}`;
  return new Promise((resolve) => socket.write(head.join("\r\n") + body, () => resolve()));
}

it("C01 C03 SIGKILL in the middle of an upload, right after a 202: nothing of the one, all of the other", async () => {
  const client = gateway().client();
  const before = await client.publish("orders", { type: "order.created", data: 1 });
  await halfAnUpload(gateway(), "orders");
  const { id, offset } = await client.publish("orders", { type: "order.created", data: 2 });
  await gateway().kill();
  await gateway().restart();
  expect(await logOf(client, "orders")).toEqual(
    new Map([
      [before.id, before.offset],
      [id, offset],
    ]),
  );
  expect(await client.publish("orders", { type: "order.created", data: 3 })).toMatchObject({ offset: offset + 1 });
});

it("C17 SIGTERM with 50 requests under way: whatever was acknowledged is there", async () => {
  const client = gateway().client();
  const acknowledged: Published[] = [];
  const publish = async (n: number) => {
    const answer = await client
      .request<Published>("POST", "/v1/topics/ending/events", { type: "order.created", data: n })
      .catch(() => null);
    if (answer?.status === 202) acknowledged.push(answer.body);
    if (answer !== null) expect([202, 503]).toContain(answer.status);
  };
  const all = Array.from({ length: IN_FLIGHT }, (_, n) => publish(n));
  await Promise.race(all);
  const [{ group } = { group: 0 }] = processesOf(gateway());
  process.kill(-group, "SIGTERM");
  await Promise.all(all);
  await eventually(async () => expect(processesOf(gateway())).toEqual([]));
  await gateway().restart();
  expect(acknowledged.length).toBeGreaterThan(0);
  const log = await logOf(client, "ending");
  for (const { id, offset } of acknowledged) expect(log.get(id)).toBe(offset);
  expect([...log.values()]).toEqual(Array.from(log, (_, index) => index + 1));
});

it("C13 SIGKILL of wrangler alone: its workerd goes with it, and the state has one owner", async () => {
  const client = gateway().client();
  const subscriber = await Subscriber.start();
  try {
    await client.subscribe({ name: "hook", topic: "owned", url: subscriber.url });
    const running = processesOf(gateway());
    expect(running.some(({ args }) => args.includes("workerd serve"))).toBe(true);
    const wrangler = running.find(({ args }) => /wrangler\b.* dev /.test(args) && !args.includes("keeper.mjs"));
    process.kill(wrangler?.pid ?? 0, "SIGKILL");
    await eventually(async () => expect(processesOf(gateway())).toEqual([]));
    await expect(fetch(`${gateway().origin}/healthz`)).rejects.toThrow();
    await gateway().restart();
    const { id } = await client.publish("owned", { type: "order.created", data: 1 });
    const [request] = await subscriber.waitFor(1);
    expect(request?.headers["webhook-id"]).toBe(id);
  } finally {
    await subscriber.close();
  }
});
