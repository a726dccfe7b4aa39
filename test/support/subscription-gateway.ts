import { problem } from "../../src/core/errors.ts";
import { err, ok } from "../../src/core/result.ts";
import type { SubscriptionEntry } from "../../src/directory/rpc.ts";
import type { SubscriptionConfig, SubscriptionPatch } from "../../src/subscription/rpc.ts";
import type { Start } from "../../src/topic-log/rpc.ts";
import { fakeGateway } from "./http-env.ts";
import { viewOf } from "./subscription-view.ts";

const NOT_FOUND = err(problem("not-found", "There is no such subscription."));

let tenants = 0;

/** A tenant of its own with one topic, whose subscriptions are kept in a map. */
export function gatewayWithMemory(variables: Record<string, string> = {}) {
  tenants += 1;
  const headers = { "sluice-tenant": `subscriptions-${tenants}` };
  const topics = new Set(["orders"]);
  const entries: SubscriptionEntry[] = [];
  const configs = new Map<string, SubscriptionConfig>();
  const created: { config: SubscriptionConfig; start: Start }[] = [];
  const patches: SubscriptionPatch[] = [];
  // The fake is one object for all names: the newest subscription is the one that is asked.
  const present = () => [...configs.values()].at(-1);
  const gateway = fakeGateway({
    variables,
    directory: {
      hasTopic: async (topic) => topics.has(topic),
      ensureTopic: async (topic) => {
        topics.add(topic);
        return ok({ created: true });
      },
      subscription: async (name) => entries.find((entry) => entry.name === name || entry.id === name) ?? null,
      removeSubscription: async (id) => {
        entries.splice(0, entries.length, ...entries.filter((entry) => entry.id !== id));
      },
    },
    subscription: {
      create: async (config, start) => {
        created.push({ config, start });
        configs.set(config.id, config);
        entries.push({ id: config.id, name: config.name, topic: config.topic });
        return ok(viewOf(config));
      },
      view: async () => {
        const config = present();
        return config === undefined ? NOT_FOUND : ok(viewOf(config));
      },
      patch: async (patch) => {
        patches.push(patch);
        const config = present();
        if (config === undefined) return NOT_FOUND;
        configs.set(config.id, { ...config, ...patch });
        return ok(viewOf({ ...config, ...patch }));
      },
    },
  });
  const send = async (method: string, path: string, json?: unknown) => {
    const answer = await gateway.send(method, path, { headers, ...(json === undefined ? {} : { json }) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return { gateway, send, topics, configs, created, patches };
}
