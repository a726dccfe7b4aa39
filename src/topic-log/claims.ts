import { type Problem, problem } from "../core/errors.ts";
import type { AppendRequest, IdempotencyClaim } from "../core/event.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { IdempotencyRow, Place, TopicLogStore } from "./store.ts";

type Claims = Pick<TopicLogStore, "idempotency">;

/** What is known under a claim, in `own` or in the store; null: nothing. `idempotency-conflict` for other bytes. */
export function lookUp(
  store: Claims,
  claim: IdempotencyClaim | null,
  now: number,
  own?: ReadonlyMap<string, IdempotencyRow>,
): Result<IdempotencyRow | null, Problem> {
  if (claim === null) return ok(null);
  const found = own?.get(claim.key) ?? store.idempotency(claim.key, now);
  if (found === null) return ok(null);
  if (claim.fingerprint !== null && found.fingerprint !== claim.fingerprint) {
    return err(
      problem(
        "idempotency-conflict",
        "This idempotency key was used for other bytes within the last 24 hours. Use a new key for a new event.",
      ),
    );
  }
  return ok(found);
}

/**
 * Where each event of a request is or will be: at the place of the first one under its claim, which may be another of
 * this very request, or at the next free offset. `fresh`: which of them are new, by index.
 */
export function findPlaces(
  store: Claims,
  events: AppendRequest["events"],
  { now, next }: { readonly now: number; readonly next: number },
): Result<{ places: readonly Place[]; fresh: ReadonlySet<number> }, Problem> {
  const places: Place[] = [];
  const own = new Map<string, IdempotencyRow>();
  const fresh = new Set<number>();
  for (const [index, { idempotency: claim }] of events.entries()) {
    const known = lookUp(store, claim, now, own);
    if (!known.ok) return known;
    const place = known.value ?? { at: now, offset: next + fresh.size };
    places.push({ at: place.at, offset: place.offset });
    if (known.value !== null) continue;
    fresh.add(index);
    if (claim !== null) own.set(claim.key, { ...place, fingerprint: claim.fingerprint, places: null });
  }
  return ok({ places, fresh });
}
