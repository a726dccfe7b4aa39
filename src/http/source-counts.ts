import { DIRECTORY_CACHE_MAX_ENTRIES, SOURCE_COUNTS_FLUSH_MS } from "../core/limits.ts";
import { ok } from "../core/result.ts";
import type { SourceCounts } from "../directory/rpc.ts";
import { calling, directory } from "../rpc/objects.ts";
import type { Call } from "./call.ts";
import { ExpiringMap } from "./expiring-map.ts";

/*
 * What came to a source is counted here and told to the Directory, at once where it was quiet, and at most every
 * SOURCE_COUNTS_FLUSH_MS where it is not: each telling is a row. What was not told yet is lost with the isolate.
 */

interface Gathered {
  readonly counts: SourceCounts;
  readonly tell: () => Promise<void>;
}

/** By tenant and source. */
const gathered = new Map<string, Gathered>();
const toldLately = new ExpiringMap<true>(SOURCE_COUNTS_FLUSH_MS, DIRECTORY_CACHE_MAX_ENTRIES);

const NONE: SourceCounts = { accepted: 0, refused: 0, duplicates: 0, lastRefusal: null };

/** Counts one request; telling it goes on after the answer. */
export function countRequest(
  { env, background }: Pick<Call, "env" | "background">,
  tenant: string,
  source: string,
  what: "accepted" | "duplicates" | { readonly refused: string },
): void {
  const name = `${tenant}/${source}`;
  const now = Date.now();
  const waiting = gathered.get(name);
  const counts = added(waiting?.counts ?? NONE, what, now);
  const tell = async () => {
    const { counts: latest = NONE } = gathered.get(name) ?? {};
    if (latest === NONE) return;
    gathered.delete(name);
    toldLately.set(name, true, Date.now());
    await calling(async () => ok(await directory(env, tenant).countSource(source, latest)));
  };
  gathered.set(name, { counts, tell });
  if (waiting !== undefined) return;
  background(toldLately.get(name, now) === null ? tell() : later(SOURCE_COUNTS_FLUSH_MS, tell));
}

/** Tells what this isolate has counted of a source, so that it is in what is read next. */
export async function tellCounts(tenant: string, source: string): Promise<void> {
  await gathered.get(`${tenant}/${source}`)?.tell();
}

/** The same for all sources of a tenant. */
export async function tellAllCounts(tenant: string): Promise<void> {
  const names = [...gathered.keys()].filter((name) => name.startsWith(`${tenant}/`));
  await Promise.all(names.map((name) => gathered.get(name)?.tell()));
}

function added(counts: SourceCounts, what: Parameters<typeof countRequest>[3], now: number): SourceCounts {
  if (typeof what === "string") return { ...counts, [what]: counts[what] + 1 };
  return { ...counts, refused: counts.refused + 1, lastRefusal: { at: now, reason: what.refused } };
}

const later = (milliseconds: number, run: () => Promise<void>): Promise<void> =>
  new Promise((done) => {
    setTimeout(() => done(run()), milliseconds);
  });
