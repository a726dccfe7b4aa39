import { isUnknown } from "./api.ts";
import { Endpoint } from "./endpoint.ts";
import { TENANTS, TOPIC } from "./plan.ts";
import { MAIN } from "./plan-subscriptions.ts";
import type { Posts } from "./posts.ts";
import type { Stage } from "./stage.ts";
import { until } from "./until.ts";

const DENIED_MAX_MS = 30_000;
const SPELLINGS = ["127.0.0.1", "localhost", "[::1]", "127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0"];

export interface Egress {
  /** Ways to a listener here that were tried, and how many were refused with 422. */
  readonly asked: number;
  readonly refused: number;
  readonly notRefused: readonly string[];
  /** Attempts that ended as `denied`. */
  readonly denied: number;
  /** Connections that were made all the same. */
  readonly connections: number;
}

/** The gateway was started on the same state without private targets: nothing here may see a connection any more. */
export async function egressPhase(stage: Stage, posts: Posts): Promise<Egress> {
  for (const endpoint of stage.endpoints.values()) endpoint.hangUp();
  const watcher = { received: () => undefined, ended: () => undefined };
  const canaries = [
    await Endpoint.open("canary-4", () => "ok", watcher, "127.0.0.1"),
    await Endpoint.open("canary-6", () => "ok", watcher, "::1").catch(() => null),
  ].filter((canary) => canary !== null);
  const listeners = [...stage.endpoints.values(), ...canaries];
  const before = total(listeners);
  try {
    const ways = await tryToGetIn(stage, canaries);
    const denied = await sendToThoseThatWereLetIn(stage, posts);
    return { ...ways, denied, connections: total(listeners) - before };
  } finally {
    await Promise.all(canaries.map((canary) => canary.close()));
  }
}

const total = (endpoints: readonly Endpoint[]): number => endpoints.reduce((sum, one) => sum + one.connections, 0);

async function tryToGetIn(stage: Stage, canaries: readonly Endpoint[]) {
  const api = stage.api(TENANTS[0]);
  const notRefused: string[] = [];
  let asked = 0;
  const judge = async (method: string, path: string, body: { url: string }) => {
    asked += 1;
    const said = await api.send(method, path, body);
    if (said.status !== 422) notRefused.push(`${method} ${path} ${body.url}: ${said.status}`);
  };
  const record = stage.current.get(MAIN);
  for (const { port } of canaries) {
    for (const spelling of SPELLINGS) {
      for (const scheme of ["http", "https"]) {
        const url = `${scheme}://${spelling}:${port}/canary`;
        const document = { name: `canary-${asked}`, topic: TOPIC, url, start: "earliest" };
        await judge("POST", "/v1/subscriptions", document);
        if (record !== undefined) await judge("PATCH", `/v1/subscriptions/${record.id}`, { url });
      }
    }
  }
  return { asked, refused: asked - notRefused.length, notRefused };
}

/** Those of before have private URLs: each send is judged again, and fails. */
async function sendToThoseThatWereLetIn(stage: Stage, posts: Posts): Promise<number> {
  const record = stage.current.get(MAIN);
  if (record === undefined) return 0;
  const api = stage.api(TENANTS[0]);
  // Whatever filter it has by now: these are for it.
  await api.send("PATCH", `/v1/subscriptions/${record.id}`, { filter: {} });
  const { tries } = await posts.post({
    ...{ do: "post", tenant: TENANTS[0], topic: TOPIC, types: ["order.paid", "order.paid"], keys: [null, null] },
    ...{ batch: true, idempotency: "none", padding: 0 },
  });
  const ids = tries.flatMap(({ answer }) => answer ?? []).map(({ id }) => id);
  let denied = 0;
  await until("sends to private addresses are denied", DENIED_MAX_MS, async () => {
    denied = 0;
    for (const id of ids) {
      const said = await api.send("GET", `/v1/subscriptions/${record.id}/deliveries/${id}`);
      if (isUnknown(said) || said.status !== 200) return false;
      const { attempts }: { attempts: { error: { code: string } | null }[] } = JSON.parse(said.text);
      denied += attempts.filter(({ error }) => error?.code === "denied").length;
    }
    return denied >= ids.length;
  }).catch(() => undefined);
  return denied;
}
