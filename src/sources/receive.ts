import type { IdempotencyClaim, NewEvent } from "../core/event.ts";
import {
  IDEMPOTENCY_KEY_MAX_CHARACTERS,
  KEPT_HEADER_VALUE_MAX_CHARACTERS,
  KEPT_HEADERS_MAX,
  KEY_MAX_BYTES,
} from "../core/limits.ts";
import type { SourceOptions } from "../core/source-options.ts";
import { parseValuePlace } from "../core/value-place.ts";
import type { Incoming, Provider } from "./provider.ts";
import { type ProviderName, providerOf } from "./registry.ts";
import { hex } from "./signatures.ts";

/** As far as an event depends on its source. */
export interface ReadingSource {
  readonly id: string;
  readonly provider: ProviderName;
  readonly options: SourceOptions;
}

const TYPE_MAX_CHARACTERS = 256;
/** Of a body that cannot be shown as what it says it is. */
const BYTES = "application/octet-stream";
/** Printable ASCII: anything else could not be sent on as a header. */
const SENDABLE = /^[\x20-\x7e\t]*$/;

/** The event of a verified request, and what makes a repeat of it the same. */
export async function readWebhook(
  incoming: Incoming,
  contentType: string,
  source: ReadingSource,
  hops: number,
): Promise<NewEvent & { readonly idempotency: IdempotencyClaim | null }> {
  const { options } = source;
  const provider = providerOf(source.provider);
  const name = options.typeFrom === null ? provider.eventName(incoming) : valueAt(options.typeFrom, incoming);
  const id =
    options.idempotencyFrom === null ? provider.deliveryId(incoming) : valueAt(options.idempotencyFrom, incoming);
  const kept = keptHeaders(incoming, provider, options);
  // Readers put JSON into documents as it is, so what only says that it is JSON is kept as bytes.
  const broken = incoming.content.isBrokenJson;
  return {
    type: eventType(source.provider, name),
    key: options.keyFrom === null ? null : orderingKey(valueAt(options.keyFrom, incoming)),
    ...{ time: null, source: null, subject: null, correlationId: null, causationId: null, cloudEvent: null },
    headers: broken ? { ...kept, "content-type": contentType } : kept,
    contentType: broken ? BYTES : contentType,
    hops,
    data: incoming.bytes,
    idempotency: id === null || id === "" ? null : await claimOf(source.id, id),
  };
}

/** `<provider>.<event name>`, in the characters that types have. */
export function eventType(provider: string, name: string | null): string {
  const word = (name ?? "").slice(0, TYPE_MAX_CHARACTERS).toLowerCase();
  const type = `${provider}.${word === "" ? "received" : word.replace(/[^a-z0-9._-]/gu, ".")}`;
  return type.slice(0, TYPE_MAX_CHARACTERS);
}

/** What cannot be a key is none: the sender could not mend it, and the event would be lost for the sake of its order. */
function orderingKey(value: string | null): string | null {
  if (value === null || value === "" || !value.isWellFormed()) return null;
  return new TextEncoder().encode(value).length <= KEY_MAX_BYTES ? value : null;
}

function valueAt(text: string, { headers, content }: Incoming): string | null {
  const place = parseValuePlace(text);
  if (place === null) return null;
  return "header" in place ? headers.get(place.header) : content.at(place.path);
}

/**
 * Ids of one source are a space of their own: no key that a producer sends has a line break in it. One that is too long
 * to be stored, or could not be stored as it is, is remembered by its digest.
 */
async function claimOf(source: string, id: string): Promise<IdempotencyClaim> {
  const plain = id.length <= IDEMPOTENCY_KEY_MAX_CHARACTERS && id.isWellFormed();
  return { key: `${source}\n${plain ? id : `sha256:${await digestOf(JSON.stringify(id))}`}`, fingerprint: null };
}

const digestOf = async (text: string): Promise<string> =>
  hex(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));

function keptHeaders({ headers }: Incoming, provider: Provider, options: SourceOptions): Record<string, string> | null {
  const named = new Set<string>();
  const signature = options.hmac === null ? null : `header:${options.hmac.header}`;
  for (const text of [options.typeFrom, options.keyFrom, options.idempotencyFrom, signature]) {
    const place = text === null ? null : parseValuePlace(text);
    if (place !== null && "header" in place) named.add(place.header);
  }
  const kept: [string, string][] = [];
  headers.forEach((value, name) => {
    if (!named.has(name) && !provider.keeps(name)) return;
    if (kept.length < KEPT_HEADERS_MAX && value.length <= KEPT_HEADER_VALUE_MAX_CHARACTERS && SENDABLE.test(value)) {
      kept.push([name, value]);
    }
  });
  return kept.length === 0 ? null : Object.fromEntries(kept);
}
