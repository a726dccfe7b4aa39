import type { SubscriptionView } from "./types.ts";
import type { View } from "./view.ts";

/**
 * Learns the names of subscriptions: lists name them by id, people know them by name. One that is gone keeps its id.
 *
 * @param names what is known already, by id; what is learnt is added.
 */
export async function learnNames(view: View, ids: readonly string[], names: Map<string, string>): Promise<void> {
  const unknown = new Set(ids.filter((id) => !names.has(id)));
  await Promise.all(
    [...unknown].map(async (id) => {
      const path = `/v1/subscriptions/${encodeURIComponent(id)}`;
      const found = await view.api.get<SubscriptionView>(path, {}, view.signal).catch(() => null);
      if (found !== null) names.set(id, found.name);
    }),
  );
}
