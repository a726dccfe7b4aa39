import { EVENTS_TOPIC } from "../../src/core/operational-event.ts";
import type { Manager } from "./manager.ts";
import type { Posts } from "./posts.ts";
import type { Stage } from "./stage.ts";
import { until } from "./until.ts";

/** From the last healing to rest: the longest lease, Retry-After and probe, and the work itself on a slow machine. */
const DRAIN_MAX_MS = 90_000;
const UNSETTLED = ["pending", "delivering", "retrying", "held"] as const;

interface View {
  readonly id: string;
  readonly state: string;
  readonly lag: number;
  readonly health: { readonly state: string };
}

interface OperationalEvent {
  readonly data: { readonly subscription: { readonly id: string }; readonly eventId: string };
}

/** Everybody is healthy from now on; whatever was stopped goes on. Returns how long it took until nothing waited any more. */
export async function heal(stage: Stage, manager: Manager, posts: Posts): Promise<number> {
  await stage.power.up;
  stage.healed = true;
  stage.hanging.clear();
  for (const endpoint of stage.endpoints.values()) endpoint.hangUp();
  const startedAt = performance.now();
  const left = () => Math.max(0, startedAt + DRAIN_MAX_MS - performance.now());
  await posts.settleUnknown();
  for (const record of stage.current.values()) {
    const view = await viewOf(stage, record.plan.tenant, record.id);
    const stopped = view.state !== "active" || view.health.state === "failing";
    if (stopped || record.stops.some(({ until }) => until === Number.POSITIVE_INFINITY)) await manager.resume(record);
  }
  const open = new Set(stage.current.values());
  await until("everything is settled", left(), async () => {
    for (const record of open) if (await isQuiet(stage, record.plan.tenant, record.id)) open.delete(record);
    return open.size === 0;
  }).catch(async (thrown: unknown) => {
    const views = await Promise.all(
      [...open].map(({ plan, id }) => stage.api(plan.tenant).get(`/v1/subscriptions/${id}`)),
    );
    throw new Error(`${thrown}: ${views.map(({ text }) => text).join("\n")}`);
  });
  await until("the index of dead letters is complete", left(), () => isIndexed(stage));
  await until("every dead letter is an operational event", left(), () => isAnnounced(stage));
  return performance.now() - startedAt;
}

async function viewOf(stage: Stage, tenant: string, id: string): Promise<View> {
  return JSON.parse((await stage.api(tenant).get(`/v1/subscriptions/${id}`)).text);
}

async function isQuiet(stage: Stage, tenant: string, id: string): Promise<boolean> {
  const view = await viewOf(stage, tenant, id);
  if (view.lag !== 0 || view.state !== "active") return false;
  const api = stage.api(tenant);
  for (const state of UNSETTLED) {
    if ((await api.list(`/v1/subscriptions/${id}/deliveries?state=${state}`)).length > 0) return false;
  }
  return true;
}

/** Dead letters travel through a queue, and an outbox sends them again after a crash. */
async function isIndexed(stage: Stage): Promise<boolean> {
  for (const { plan, id } of stage.current.values()) {
    const api = stage.api(plan.tenant);
    const dead = await api.list(`/v1/subscriptions/${id}/deliveries?state=dead`);
    const letters = await api.list(`/v1/dead-letters?subscription=${id}`);
    if (dead.length !== letters.length) return false;
  }
  return true;
}

/** The same outbox carries a letter to the index and to the operational events. */
async function isAnnounced(stage: Stage): Promise<boolean> {
  for (const api of stage.apis.values()) {
    const letters = await api.list<{ eventId: string; subscription: string }>("/v1/dead-letters");
    if (letters.length === 0) continue;
    const path = `/v1/topics/${EVENTS_TOPIC}/events`;
    const known = await api.send("GET", path);
    if (known.status !== 200) return false;
    const told = new Set(
      (await api.list<OperationalEvent>(`${path}?type=delivery.dead`)).map(({ data }) => nameOf(data)),
    );
    if (letters.some(({ eventId, subscription }) => !told.has(`${subscription} ${eventId}`))) return false;
  }
  return true;
}

const nameOf = ({ subscription, eventId }: OperationalEvent["data"]): string => `${subscription.id} ${eventId}`;
