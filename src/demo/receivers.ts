import { type DemoAnswer, demoAnswer, isDemoMode, isDemoReceiver } from "../core/demo.ts";
import { type Problem, problem } from "../core/errors.ts";
import { DEFAULT_TENANT, parseTenant } from "../core/names.ts";
import { err, ok, type Result } from "../core/result.ts";
import { directory } from "../rpc/objects.ts";

/** The demo's receivers live inside the gateway, which may call itself only where private addresses are allowed. */
export const demoIsOn = (env: Env): boolean => env.ALLOW_PRIVATE_TARGETS === "true";

export const demoIsOff = (): Problem =>
  problem("not-found", "There is no demo here: it needs ALLOW_PRIVATE_TARGETS to be true, on a machine of your own.");

/** Tells a receiver how to answer from now on. `invalid` for a mode that does not exist. */
export async function setDemoReceiver(
  env: Env,
  tenant: string,
  name: string,
  mode: string,
): Promise<Result<null, Problem>> {
  if (!demoIsOn(env)) return err(demoIsOff());
  if (!isDemoReceiver(name)) return err(problem("not-found", "The demo's receivers are demo-flaky and demo-broken."));
  if (!isDemoMode(mode)) {
    const detail = "must be one of ok, fail, slow, gone";
    return err(problem("invalid", `The mode ${detail}.`, { errors: [{ pointer: "#/mode", detail }] }));
  }
  await directory(env, tenant).setDemoMode(name, mode);
  return ok(null);
}

type DemoReply = Pick<DemoAnswer, "status" | "body">;

/** Where a receiver of this tenant is reached, by real HTTP. */
export const demoReceiverUrl = (origin: string, tenant: string, name: string): string =>
  `${origin}/demo/receivers/${name}${tenant === DEFAULT_TENANT ? "" : `?tenant=${tenant}`}`;

/** The receiver's side of a delivery. It stands in for a subscriber, so it answers as one: no problem documents. */
export async function demoReceive(request: Request, env: Env, name: string): Promise<DemoReply> {
  const tenant = parseTenant(new URL(request.url).searchParams.get("tenant") ?? DEFAULT_TENANT);
  // The whole body is taken before the answer, as most subscribers do it.
  await request.body?.pipeTo(new WritableStream());
  if (!demoIsOn(env) || !isDemoReceiver(name) || !tenant.ok) return { status: 404, body: "No such receiver." };
  const mode = await directory(env, tenant.value).demoMode(name);
  return respond(demoAnswer(name, isDemoMode(mode) ? mode : null, attemptOf(request)));
}

async function respond({ status, body, delayMilliseconds }: DemoAnswer): Promise<DemoReply> {
  if (delayMilliseconds > 0) await scheduler.wait(delayMilliseconds);
  return { status, body };
}

/** The gateway numbers its attempts; anybody else's request counts as a first one. */
function attemptOf(request: Request): number {
  const attempt = Number(request.headers.get("sluice-attempt"));
  return Number.isSafeInteger(attempt) && attempt > 0 ? attempt : 1;
}
