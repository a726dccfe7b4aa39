import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./environment.mjs";
import { Explained } from "./main.mjs";

/** A gateway that is up answers at once; a hanging one must not hang whoever asks. */
const ANSWER_MAX_MS = 10_000;
const HEALTH_POLL_MS = 100;
/** A request that came while the two halves of `wrangler dev` were still finding each other may never be answered. */
const HEALTH_ANSWER_MAX_MS = 2000;
/** The first start on a slow machine bundles everything. */
const START_MAX_MS = 60_000;

/** The root key of .dev.vars, which `wrangler dev` reads by itself. */
export function rootKey() {
  const vars = readFileSync(join(ROOT, ".dev.vars"), "utf8");
  const key = /^\s*SLUICE_ROOT_KEY\s*=\s*["']?([^"'\s#]+)/m.exec(vars)?.[1];
  if (key !== undefined) return key;
  throw new Explained(
    "There is no SLUICE_ROOT_KEY in .dev.vars.\nAdd one of 16 characters or more, or delete the file to get fresh secrets (what is stored needs the old ones).",
  );
}

/** One request to the gateway as its root user. `status` is 0 when nobody answered; `body` is parsed, or null. */
export async function ask(origin, key, method, path, body, answerMaxMs = ANSWER_MAX_MS) {
  try {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(answerMaxMs),
    });
    return { status: response.status, body: await response.json().catch(() => null) };
  } catch {
    return { status: 0, body: null };
  }
}

/**
 * Resolves when the gateway is healthy. A gateway that answers with a problem of its configuration never will be:
 * that is thrown at once, in its own words.
 */
export async function untilHealthy(origin, isRunning) {
  const giveUpAt = Date.now() + START_MAX_MS;
  while (Date.now() < giveUpAt && isRunning()) {
    const { status, body } = await ask(origin, "", "GET", "/healthz", undefined, HEALTH_ANSWER_MAX_MS);
    if (status === 200) return true;
    if (status === 500) throw new Explained(`The gateway does not start: ${body?.detail ?? "it answers 500."}`);
    await new Promise((resolve) => setTimeout(resolve, HEALTH_POLL_MS));
  }
  return false;
}
