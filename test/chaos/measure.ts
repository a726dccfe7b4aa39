import { now, type Samples } from "./journal.ts";
import { ISOLATION_TOPIC, TENANTS } from "./plan.ts";
import { CALM, HANGING } from "./plan-subscriptions.ts";
import type { Posts } from "./posts.ts";
import type { Stage } from "./stage.ts";
import { until } from "./until.ts";

const RECEIPT_MAX_MS = 20_000;

const post = (padding: number) => ({
  ...{ do: "post" as const, tenant: TENANTS[0], topic: ISOLATION_TOPIC, types: ["order.created"], keys: [null] },
  ...{ batch: false, idempotency: "none" as const, padding },
});

/** How long a publish takes to be acknowledged, and to reach the healthy subscriber. */
export async function measure(stage: Stage, posts: Posts): Promise<Samples> {
  const samples: Samples = { ackMilliseconds: [], receiptMilliseconds: [] };
  for (let n = 0; n < stage.plan.isolation.posts; n++) {
    const asked = now();
    const { tries } = await posts.post(post(50));
    const id = tries[0]?.answer?.[0]?.id;
    if (id === undefined) throw new Error(`a publish was answered ${tries[0]?.status} while nothing was wrong`);
    samples.ackMilliseconds.push(now() - asked);
    const received = () =>
      stage.journal.arrivals.find(
        ({ endpoint, headers }) => endpoint.startsWith(`${CALM}.`) && headers.get("webhook-id") === id,
      );
    await until(`${id} reaches the healthy subscriber`, RECEIPT_MAX_MS, async () => received() !== undefined);
    samples.receiptMilliseconds.push((received()?.at ?? now()) - asked);
  }
  return samples;
}

/** From now on all of them hang on every request, each with some under way already. */
export async function letThemHang(stage: Stage, posts: Posts): Promise<void> {
  const hanging = [...stage.endpoints.keys()].filter((name) => name.startsWith(`${HANGING}-`));
  for (const name of hanging) stage.hanging.add(name);
  const before = stage.journal.arrivals.length;
  await Promise.all([posts.post(post(0)), posts.post(post(0))]);
  const hangs = () =>
    new Set(
      stage.journal.arrivals
        .slice(before)
        .map(({ endpoint }) => endpoint)
        .filter((name) => stage.hanging.has(name)),
    ).size;
  await until("all that should hang do", RECEIPT_MAX_MS, async () => hangs() === hanging.length);
}
