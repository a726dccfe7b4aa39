import { decodeBase64 } from "../../src/core/base64.ts";
import { sendOnce } from "../../src/delivery/send.ts";
import { sendOf } from "./send.ts";

/** What test/e2e/send.test.ts asks of this Worker: one send, with bytes as base64. */
export interface SendOrder {
  readonly url: string;
  readonly timeoutSeconds: number;
  readonly allowPrivate: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly event: { readonly key: string | null; readonly contentType: string; readonly dataBase64: string };
  readonly format: "standard" | "raw";
  /** How many milliseconds ago the last moment to start was. */
  readonly lateByMilliseconds: number;
}

const LIFE_AFTER_SEND_MS = 5000;

const bytesOf = (base64: string): Uint8Array => {
  const bytes = decodeBase64(base64);
  if (bytes === null) throw new Error("not base64");
  return bytes;
};

/** Runs the real `sendOnce` inside the real runtime and answers with what it returned. */
export default {
  async fetch(request: Request, _env: unknown, context: ExecutionContext): Promise<Response> {
    // A deliverer goes on after a send: the end of the invocation must not be what closes a connection.
    context.waitUntil(new Promise((resolve) => setTimeout(resolve, LIFE_AFTER_SEND_MS)));
    const order = await request.json<SendOrder>();
    const { key, contentType, dataBase64 } = order.event;
    const target = {
      id: "sub_1",
      tenant: "default",
      topic: "orders",
      url: order.url,
      format: order.format,
      timeoutSeconds: order.timeoutSeconds,
      headers: order.headers,
      secrets: order.secrets.map((secret) => ({ key: bytesOf(secret), expiresAt: null })),
    };
    const result = await sendOnce(sendOf({ key, contentType, data: bytesOf(dataBase64) }), target, {
      now: () => Date.now(),
      allowPrivate: order.allowPrivate,
      version: "9.9.9",
      startBy: Date.now() - order.lateByMilliseconds,
    });
    return Response.json(result);
  },
};
