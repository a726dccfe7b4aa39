import { type Problem, problem } from "../core/errors.ts";
import { DIRECTORY_CACHE_MAX_ENTRIES, DIRECTORY_CACHE_MS } from "../core/limits.ts";
import { isSourceId, isSourceName } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";
import { tenantOfToken } from "../core/source-token.ts";
import type { SourceEntry, SourceView } from "../directory/rpc.ts";
import { calling, directory, GATEWAY_TENANT } from "../rpc/objects.ts";
import type { Call } from "./call.ts";
import { ExpiringMap } from "./expiring-map.ts";
import { parameter } from "./path.ts";

/** A source as a request to its URL finds it. */
export interface FoundSource {
  readonly tenant: string;
  readonly source: SourceEntry;
}

/** By token. As in lookup.ts: only finds are remembered, so one that is deleted or changed counts for 30 s at most. */
const byToken = new ExpiringMap<FoundSource>(DIRECTORY_CACHE_MS, DIRECTORY_CACHE_MAX_ENTRIES);

let sealKey: { readonly env: Env; readonly key: string } | null = null;

/** The key that seals tokens: asked for once in the life of an isolate. */
export async function sourceTokenKey(env: Env): Promise<Result<string, Problem>> {
  if (sealKey?.env === env) return ok(sealKey.key);
  const asked = await calling(async () => ok(await directory(env, GATEWAY_TENANT).sourceTokenKey()));
  if (asked.ok) sealKey = { env, key: asked.value };
  return asked;
}

/** The source of a token; `not-found` (404), the same for a token that is nonsense and for one that was in force. */
export async function findByToken(env: Env, token: string): Promise<Result<FoundSource, Problem>> {
  const remembered = byToken.get(token, Date.now());
  if (remembered !== null) return ok(remembered);
  const key = await sourceTokenKey(env);
  if (!key.ok) return key;
  const tenant = await tenantOfToken(key.value, token);
  if (tenant === null) return err(noSuchUrl());
  const found = await calling(async () => ok(await directory(env, tenant).sourceByToken(token)));
  if (!found.ok) return found;
  if (found.value === null) return err(noSuchUrl());
  const source = { tenant, source: found.value };
  byToken.set(token, source, Date.now());
  return ok(source);
}

export function forgetToken(token: string): void {
  byToken.delete(token);
}

/** The id or name in the path; what cannot be either names none: 404. */
export function sourceIn(call: Call): Result<string, Problem> {
  const idOrName = parameter(call, "source") ?? "";
  return isSourceId(idOrName) || isSourceName(idOrName) ? ok(idOrName) : err(noSuchSource());
}

/** A source by the id or name in the path; `not-found` (404). */
export async function findSource(call: Call): Promise<Result<SourceView, Problem>> {
  const idOrName = sourceIn(call);
  if (!idOrName.ok) return idOrName;
  const found = await calling(async () => ok(await directory(call.env, call.tenant).source(idOrName.value)));
  if (!found.ok) return found;
  return found.value === null ? err(noSuchSource()) : ok(found.value);
}

export const noSuchSource = (): Problem => problem("not-found", "There is no such source.");
const noSuchUrl = (): Problem => problem("not-found", "Nobody takes webhooks under this URL.");
