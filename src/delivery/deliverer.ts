import { WorkerEntrypoint } from "cloudflare:workers";
import { SEND_START_MAX_MS } from "../core/limits.ts";
import { VERSION } from "../core/version.ts";
import { logLine } from "../log.ts";
import { subscription } from "../rpc/objects.ts";
import type { Part, Send, SendResult } from "../subscription/rpc.ts";
import { Deadlines } from "./deadlines.ts";
import { vaultOf } from "./env-vault.ts";
import { type OpenTarget, openTarget } from "./open-target.ts";
import { notSent, sendOnce } from "./send.ts";
import { type WorkDeps, workPart } from "./work-part.ts";

/**
 * Sends what a Subscription leased. It has no state: whatever happens to it, the lease expires and its events are sent
 * again. An invocation of its own, so that no object waits for a subscriber.
 */
export class Deliverer extends WorkerEntrypoint<Env> {
  /** Answers at once; the work goes on behind the answer. */
  run(part: Part): { accepted: true } {
    this.ctx.waitUntil(workPart(part, depsOf(this.env)));
    return { accepted: true };
  }
}

function depsOf(env: Env): WorkDeps {
  let last: { readonly part: Part; readonly text: string; readonly target: Promise<OpenTarget | null> } | null = null;
  // Decrypted once as long as it is the same: most parts of a deliverer's life go to one target.
  const targetOf = (part: Part): Promise<OpenTarget | null> => {
    if (last?.part === part) return last.target;
    const text = JSON.stringify(part.target);
    last = { part, text, target: last?.text === text ? last.target : opened(part, env) };
    return last.target;
  };
  const deadlines = new Deadlines(() => Date.now());
  let made: ReturnType<typeof attemptFields>[] = [];
  return {
    send: async (send, part) => {
      const result = await carryOut(send, part, await targetOf(part), { env, deadlines });
      if (result.kind !== "unsent") made.push(attemptFields(send, result));
      return result;
    },
    report: (part, report) => {
      // One line for all that are reported together: writing a line costs more than making it.
      const { tenant, id, topic } = part.target;
      if (made.length > 0) logLine("attempts", { tenant, subscription: id, topic, attempts: made });
      made = [];
      return subscription(env, tenant, id).report(report);
    },
    reportGivenUp: (part, results) =>
      logLine("report-given-up", { tenant: part.target.tenant, subscription: part.target.id, results }),
    now: () => Date.now(),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  };
}

/** null when the vault does not open the target: the key was changed without keeping the previous one. */
async function opened(part: Part, env: Env): Promise<OpenTarget | null> {
  try {
    const vault = await vaultOf(env);
    return vault.ok ? await openTarget(part.target, vault.value) : null;
  } catch {
    return null;
  }
}

async function carryOut(
  send: Send,
  part: Part,
  target: OpenTarget | null,
  { env, deadlines }: { readonly env: Env; readonly deadlines: Deadlines },
): Promise<SendResult> {
  if (target !== null) {
    return sendOnce(send, target, {
      now: () => Date.now(),
      allowPrivate: env.ALLOW_PRIVATE_TARGETS === "true",
      version: VERSION,
      startBy: part.leasedAt + SEND_START_MAX_MS,
      deadlines,
    });
  }
  const identity = { lease: send.lease, offset: send.event.offset, attemptId: send.attemptId };
  return notSent(identity, Date.now(), {
    code: "denied",
    message: "The subscription's secrets cannot be decrypted with SLUICE_ENCRYPTION_KEY; nothing is sent unsigned.",
  });
}

/** What the log says of one attempt: nothing of a URL's query, a payload, a header or a secret. */
const attemptFields = (send: Send, result: Exclude<SendResult, { kind: "unsent" }>) => ({
  eventId: send.event.id,
  offset: send.event.offset,
  // Once for a batch, which names its first event.
  ...(send.batch && { batchId: send.batch.id, batchSize: send.batch.events.length }),
  attempt: send.attempt,
  trigger: send.trigger,
  outcome: result.error === null ? "success" : "failure",
  statusCode: result.statusCode,
  errorCode: result.error?.code ?? null,
  durationMilliseconds: result.durationMilliseconds,
});
