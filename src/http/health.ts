import { ok } from "../core/result.ts";
import { calling, directory, GATEWAY_TENANT } from "../rpc/objects.ts";
import { jsonAnswer } from "./answer.ts";
import type { Answer, Call } from "./call.ts";

/** `GET /healthz`: 200 only if a row could just be written, as an append needs it; else 503. */
export async function getHealth({ env }: Call): Promise<Answer> {
  const probed = await calling(async () => ok(await directory(env, GATEWAY_TENANT).probeWrite()));
  const healthy = probed.ok && probed.value;
  return ok(jsonAnswer({ ok: healthy }, healthy ? 200 : 503));
}
