import { formatRfc3339 } from "../core/time.ts";
import type { SourceView } from "../directory/rpc.ts";

/** Where a source's requests go: on the host by which the gateway was asked. */
export const sourceUrl = (origin: string, token: string): string => `${origin}/in/${token}`;

/** A source as the API shows it (clause 8.1): never its secrets. */
export function sourceView({ counts, ...source }: SourceView, origin: string) {
  const { hmac, ...places } = source.options;
  const { lastRefusal } = counts;
  return {
    id: source.id,
    name: source.name,
    topic: source.topic,
    provider: source.provider,
    url: sourceUrl(origin, source.token),
    options: { ...places, ...hmac },
    createdAt: formatRfc3339(source.createdAt),
    updatedAt: formatRfc3339(source.updatedAt),
    accepted: counts.accepted,
    refused: counts.refused,
    duplicates: counts.duplicates,
    lastRefusal: lastRefusal === null ? null : { at: formatRfc3339(lastRefusal.at), reason: lastRefusal.reason },
  };
}
