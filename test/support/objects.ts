import { env } from "cloudflare:workers";
import type { AppendRequest } from "../../src/core/event.ts";
import { newId } from "../../src/core/ids.ts";
import { formatSecret } from "../../src/core/secret.ts";
import { vaultOf } from "../../src/delivery/env-vault.ts";
import { directory, subscription, topicLog } from "../../src/rpc/objects.ts";
import type { SubscriptionConfig } from "../../src/subscription/rpc.ts";

const encoder = new TextEncoder();
let made = 0;

export const SETTINGS = { description: "", retentionDays: 30, retentionBytes: null, types: {} };

/** A request that appends one event; `more` overrides the event. */
export const appendOf = (...events: Partial<AppendRequest["events"][number]>[]): AppendRequest => ({
  events: events.map((more) => ({
    type: "order.paid",
    key: null,
    time: null,
    source: null,
    subject: null,
    correlationId: null,
    causationId: null,
    cloudEvent: null,
    headers: null,
    contentType: "application/json",
    hops: 0,
    data: encoder.encode('{"amount":1.0}'),
    idempotency: null,
    ...more,
  })),
  idempotency: null,
  requestId: null,
  expectedOffset: null,
});

/** A tenant of its own with topic `orders`. */
export async function newTopic() {
  made += 1;
  const tenant = `objects-${made}`;
  await directory(env, tenant).ensureTopic("orders", SETTINGS);
  return { tenant, log: topicLog(env, tenant, "orders"), stub: env.TOPIC_LOG.getByName(`${tenant}/orders/0`) };
}

/** Encrypted as the gateway keeps secrets and header values. */
export async function sealed(plaintext: string): Promise<string> {
  const vault = await vaultOf(env);
  if (!vault.ok) throw new Error(vault.error);
  return vault.value.encrypt(plaintext, crypto.getRandomValues(new Uint8Array(12)));
}

export async function configOf(tenant: string, more: Partial<SubscriptionConfig> = {}): Promise<SubscriptionConfig> {
  made += 1;
  return {
    id: newId("sub", made, new Uint8Array(10).fill(made % 256)),
    tenant,
    name: `subscription-${made}`,
    topic: "orders",
    url: "http://subscriber.example/200",
    description: "",
    filter: { types: [], match: {} },
    ordering: "key",
    format: "standard",
    headers: {},
    timeoutSeconds: 15,
    concurrency: 32,
    retry: { scheduleSeconds: [60], jitter: 0, onExhausted: "continue", holdAfterFailures: 10 },
    rateLimit: null,
    batch: null,
    disableAfterSeconds: null,
    secrets: [{ ciphertext: await sealed(formatSecret(new Uint8Array(32).fill(7))), expiresAt: null }],
    createdAt: 0,
    updatedAt: 0,
    ...more,
  };
}

/** A subscription to `orders`, created and caught up. */
export async function newSubscription(tenant: string, more: Partial<SubscriptionConfig> = {}) {
  const config = await configOf(tenant, more);
  const rpc = subscription(env, tenant, config.id);
  const created = await rpc.create(config, "latest");
  if (!created.ok) throw new Error(created.error.detail);
  return { config, rpc, stub: env.SUBSCRIPTION.getByName(`${tenant}/${config.id}`) };
}

/** Waits until `look` finds something; the objects work on by themselves meanwhile. */
export async function eventually<T>(look: () => Promise<T | null | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 500; tries += 1) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    await new Promise((resume) => setTimeout(resume, 10));
  }
  throw new Error("It did not happen within five seconds.");
}
