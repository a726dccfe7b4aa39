import { mock } from "node:test";
import { Webhook } from "standardwebhooks";
import { SEND_START_MAX_MS } from "../../../src/core/limits.ts";
import type { Arrival } from "../endpoint.ts";
import { type Checker, describe, nameOf } from "../evidence.ts";
import type { KnownSecret, SubscriptionRecord } from "../journal.ts";

/** From signing to arrival: whole seconds are cut off, and a busy machine takes its time. */
const FRESH_SECONDS = 2;
/** A request that was leased under the old secrets may begin this long after a rotation. */
const UNDER_WAY_MS = SEND_START_MAX_MS + 50;

/** Invariant 11: each request verifies with the official library; id constant, timestamp fresh per attempt. */
export const authentic: Checker = {
  invariant: "11 authentic",
  check({ journal, requests, tests, events }, violation) {
    let checks = 0;
    for (const record of journal.subscriptions) {
      const own = tests.filter(({ headers }) => headers.get("sluice-subscription") === record.id);
      for (const request of [...(requests.get(record.id) ?? []), ...own]) {
        checks += 1;
        const say = (what: string) => violation(`${nameOf(record)}: ${describe(request)} ${what}`);
        secrets(record, request, say);
        const age = Math.floor(request.startedAt / 1000) - Number(request.headers.get("webhook-timestamp"));
        if (!(age >= -1 && age <= FRESH_SECONDS)) say(`has a timestamp of ${age} s before`);
        const id = request.headers.get("webhook-id") ?? "";
        const known = events.has(id) || /^bat_/.test(id) || own.includes(request);
        if (!known) say(`has the id ${id}, which no event has`);
      }
    }
    return checks;
  },
};

function secrets(record: SubscriptionRecord, request: Arrival, say: (what: string) => void): void {
  const { startedAt } = request;
  let verified = false;
  for (const known of record.secrets) {
    const good = verifies(known, request);
    if (good && startedAt < known.from) say("is signed by a secret that was not made yet");
    if (good && startedAt > known.until + UNDER_WAY_MS) say("is signed by a secret whose grace had ended");
    const must = startedAt > known.sure + UNDER_WAY_MS && startedAt < known.mayEnd - UNDER_WAY_MS;
    if (!good && must) say("is not signed by a secret that is live");
    verified ||= good;
  }
  const unknown = record.unknownSecrets.some(
    ({ from, until }) => startedAt >= from && startedAt <= until + UNDER_WAY_MS,
  );
  if (!verified && !unknown) say("verifies with no secret");
}

/** As the subscriber would have asked the official library when the request came. */
function verifies({ secret }: KnownSecret, { headers, body, at }: Arrival): boolean {
  const clock = mock.method(Date, "now", () => at);
  try {
    new Webhook(secret).verify(body, Object.fromEntries(headers));
    return true;
  } catch {
    return false;
  } finally {
    clock.mock.restore();
  }
}
