import { join } from "node:path";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import type { SendResult } from "../../src/subscription/rpc.ts";
import type { SendOrder } from "./send-worker.ts";

export interface SendRuntime {
  send(order: Partial<SendOrder> & Pick<SendOrder, "url">): Promise<SendResult>;
  dispose(): Promise<void>;
}

const USUAL: Omit<SendOrder, "url"> = {
  timeoutSeconds: 5,
  allowPrivate: true,
  headers: {},
  secrets: [Buffer.alloc(32, 1).toString("base64")],
  event: { key: null, contentType: "application/json", dataBase64: Buffer.from('{"amount":1.0}').toString("base64") },
  format: "standard",
  lateByMilliseconds: -10_000,
};

/** A real workerd that runs test/support/send-worker.ts: what a `fetch` throws there is what subscribers are judged by. */
export async function sendRuntime(): Promise<SendRuntime> {
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, "send-worker.ts")],
    bundle: true,
    format: "esm",
    write: false,
  });
  const [output] = bundle.outputFiles;
  if (output === undefined) throw new Error("nothing was built");
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: output.text,
      compatibilityDate: "2026-10-01",
      compatibilityFlags: ["global_fetch_strictly_public"],
      // workerd writes a stack of its own for every failed handshake.
      handleStructuredLogs: () => undefined,
    }),
  );
  await miniflare.ready;
  return {
    send: async (order) => {
      const response = await miniflare.dispatchFetch("http://runtime/", {
        method: "POST",
        body: JSON.stringify({ ...USUAL, ...order }),
      });
      return (await response.json()) as SendResult;
    },
    dispose: () => miniflare.dispose(),
  };
}
