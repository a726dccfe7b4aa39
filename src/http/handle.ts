import { problem } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { err } from "../core/result.ts";
import { logLine } from "../log.ts";
import { randomBytes } from "../random.ts";
import { problemAnswer } from "./answer.ts";
import type { Answer, Notes } from "./call.ts";
import { type Arrival, route } from "./router.ts";
import { settingsOf } from "./settings.ts";

const ID_RANDOM_BYTES = 10;
/** Of an unexpected exception's message, in the log: enough to find it. */
const MESSAGE_MAX_CHARACTERS = 500;

/** Answers every HTTP request: never with an exception, and with one log line each: its own, or the commit's it is part of. */
export async function handleRequest(
  request: Request,
  env: Env,
  context: Pick<ExecutionContext, "waitUntil">,
): Promise<Response> {
  const startedAt = Date.now();
  const requestId = newId("req", startedAt, randomBytes(ID_RANDOM_BYTES));
  const notes: Notes = { route: null, tenant: null, loggedElsewhere: false };
  let fault: string | undefined;
  let answer: Answer;
  try {
    answer = await answerTo(request, env, { requestId, notes, background: (work) => context.waitUntil(work) });
  } catch (thrown) {
    fault = String(thrown).slice(0, MESSAGE_MAX_CHARACTERS);
    answer = err(
      problem("internal", "Something went wrong inside the gateway. Its log tells more under this requestId."),
    );
  }
  const response = finished(answer, request, requestId);
  if (notes.loggedElsewhere) return response;
  logLine("request", {
    id: requestId,
    method: request.method,
    route: notes.route,
    status: response.status,
    durationMilliseconds: Date.now() - startedAt,
    tenant: notes.tenant,
    fault,
  });
  return response;
}

async function answerTo(
  request: Request,
  env: Env,
  named: Pick<Arrival, "requestId" | "notes" | "background">,
): Promise<Answer> {
  const settings = await settingsOf(env);
  if (!settings.ok) return settings;
  return route({ request, env, settings: settings.value, ...named });
}

function finished(answer: Answer, request: Request, requestId: string): Response {
  const { status, headers, body } = answer.ok ? answer.value : problemAnswer(answer.error, requestId);
  return new Response(request.method === "HEAD" ? null : body, {
    status,
    headers: {
      ...headers,
      "sluice-request-id": requestId,
      // Answers hold what only the key's holder may see, and data that a browser must not take for a page.
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
  });
}
