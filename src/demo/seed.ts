import { DEMO_RECEIVERS, DEMO_RETRY_SCHEDULE_SECONDS, DEMO_TOPIC, type DemoReceiver } from "../core/demo.ts";
import { type Problem, problem } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import {
  CONCURRENCY_DEFAULT,
  RETENTION_DEFAULT_DAYS,
  SECRET_GENERATED_BYTES,
  TIMEOUT_DEFAULT_SECONDS,
} from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { formatSecret } from "../core/secret.ts";
import { openVault, VAULT_NONCE_BYTES } from "../core/vault.ts";
import { calling, directory, subscription, topicLog } from "../rpc/objects.ts";
import type { SubscriptionConfig } from "../subscription/rpc.ts";
import { demoIsOff, demoIsOn, demoReceiverUrl } from "./receivers.ts";

const ID_RANDOM_BYTES = 10;
const FIRST_EVENT_KEY = "sluice-demo-first-event";
/** From the very first event: it must reach the receivers, whatever was cut off before. */
const DEMO_START = "earliest";

/**
 * Makes the demo: the topic, a subscription for each receiver, and a first event where the topic has none. Idempotent;
 * a seed that was cut off is finished by the next one, and receivers move along with the gateway's origin.
 *
 * @param origin scheme, host and port under which the gateway reaches itself.
 * @returns the topic and the names of the subscriptions; `not-found` where the demo is off.
 */
export async function seedDemo(
  env: Env,
  tenant: string,
  origin: string,
): Promise<Result<{ topic: string; subscriptions: string[] }, Problem>> {
  if (!demoIsOn(env)) return err(demoIsOff());
  const topic = await calling(() =>
    directory(env, tenant).ensureTopic(DEMO_TOPIC, {
      description: "Orders of the demo",
      retentionDays: RETENTION_DEFAULT_DAYS,
      retentionBytes: null,
      types: {},
    }),
  );
  if (!topic.ok) return topic;
  for (const receiver of DEMO_RECEIVERS) {
    const subscribed = await calling(() => ensureSubscription(env, tenant, receiver, origin));
    if (!subscribed.ok) return subscribed;
  }
  const published = await calling(() => publishFirstEvent(env, tenant));
  if (!published.ok) return published;
  return ok({ topic: DEMO_TOPIC, subscriptions: [...DEMO_RECEIVERS] });
}

async function ensureSubscription(
  env: Env,
  tenant: string,
  receiver: DemoReceiver,
  origin: string,
): Promise<Result<null, Problem>> {
  const url = demoReceiverUrl(origin, tenant, receiver);
  const existing = await directory(env, tenant).subscription(receiver);
  if (existing !== null) return await moveAlong(env, tenant, existing.id, url);
  const config = await demoSubscription(env, tenant, receiver, url);
  if (!config.ok) return config;
  const created = await subscription(env, tenant, config.value.id).create(config.value, DEMO_START);
  // Two seeds at once: the other one made it.
  return created.ok || created.error.code === "name-taken" ? ok(null) : created;
}

/** The gateway may have been started on another port since. A subscription that somebody pointed elsewhere is theirs. */
async function moveAlong(env: Env, tenant: string, id: string, url: string): Promise<Result<null, Problem>> {
  const view = await subscription(env, tenant, id).view();
  if (!view.ok) return view;
  const present = view.value.config.url;
  if (present === url || new URL(present).pathname !== new URL(url).pathname) return ok(null);
  const moved = await subscription(env, tenant, id).patch({ url });
  return moved.ok ? ok(null) : moved;
}

async function demoSubscription(
  env: Env,
  tenant: string,
  receiver: DemoReceiver,
  url: string,
): Promise<Result<SubscriptionConfig, Problem>> {
  const vault = await openVault({ key: env.SLUICE_ENCRYPTION_KEY, previous: env.SLUICE_ENCRYPTION_KEY_PREVIOUS });
  if (!vault.ok) return err(problem("misconfigured", `${vault.error} is missing or malformed.`));
  const secret = formatSecret(randomBytes(SECRET_GENERATED_BYTES));
  const now = Date.now();
  return ok({
    id: newId("sub", now, randomBytes(ID_RANDOM_BYTES)),
    tenant,
    name: receiver,
    topic: DEMO_TOPIC,
    url,
    description: receiver === "demo-flaky" ? "Fails twice, then takes the event" : "Always fails",
    filter: { types: [], match: {} },
    ordering: "key",
    format: "standard",
    start: DEMO_START,
    headers: {},
    timeoutSeconds: TIMEOUT_DEFAULT_SECONDS,
    concurrency: CONCURRENCY_DEFAULT,
    retry: {
      scheduleSeconds: DEMO_RETRY_SCHEDULE_SECONDS,
      jitter: 0,
      onExhausted: "continue",
      // Never held, never disabled: the demo is about retries and dead letters.
      holdAfterFailures: null,
    },
    rateLimit: null,
    batch: null,
    disableAfterSeconds: null,
    secrets: [{ ciphertext: await vault.value.encrypt(secret, randomBytes(VAULT_NONCE_BYTES)), expiresAt: null }],
    createdAt: now,
    updatedAt: now,
  });
}

/** Into an empty log only; the idempotency key keeps two seeds at once from publishing two. */
async function publishFirstEvent(env: Env, tenant: string): Promise<Result<null, Problem>> {
  const log = await topicLog(env, tenant, DEMO_TOPIC).describe();
  if (!log.ok) return log;
  if (log.value.firstOffset < log.value.nextOffset) return ok(null);
  const data = '{"order": "A-1001", "amount": 129.90, "currency": "EUR"}';
  const appended = await topicLog(env, tenant, DEMO_TOPIC).append({
    events: [
      {
        type: "order.created",
        key: "customer-7",
        time: null,
        source: null,
        subject: null,
        correlationId: null,
        causationId: null,
        cloudEvent: null,
        headers: null,
        contentType: "application/json",
        hops: 0,
        data: new TextEncoder().encode(data),
        idempotency: null,
      },
    ],
    idempotency: { key: FIRST_EVENT_KEY, fingerprint: FIRST_EVENT_KEY },
    requestId: null,
    expectedOffset: null,
  });
  return appended.ok ? ok(null) : appended;
}

const randomBytes = (count: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(count));
