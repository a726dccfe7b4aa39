import { afterAll, beforeAll } from "vitest";
import { Gateway, type GatewayOptions } from "./gateway-process.ts";

export { Gateway, type GatewayOptions, type LogLine } from "./gateway-process.ts";

/**
 * A gateway for all tests of a file: started before them, ended and cleaned up after them. Options that take work to
 * find are given as a function.
 */
export function withGateway(options: GatewayOptions | (() => GatewayOptions) = {}): () => Gateway {
  let gateway: Gateway | null = null;
  beforeAll(async () => {
    gateway = await Gateway.start(typeof options === "function" ? options() : options);
  });
  afterAll(() => gateway?.stop());
  return () => {
    if (gateway === null) throw new Error("The gateway has not been started.");
    return gateway;
  };
}
