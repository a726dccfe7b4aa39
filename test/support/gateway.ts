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

let shared: Promise<Gateway> | null = null;

/**
 * One gateway for the files of a test process that neither kill it nor measure it, each with tenants of its own: starting
 * one takes as long as most of them. It ends with the process.
 */
export function withSharedGateway(): () => Gateway {
  let gateway: Gateway | null = null;
  beforeAll(async () => {
    shared ??= startShared();
    gateway = await shared;
  });
  return () => {
    if (gateway === null) throw new Error("The gateway has not been started.");
    return gateway;
  };
}

async function startShared(): Promise<Gateway> {
  const gateway = await Gateway.start();
  // So the test runner ends its processes.
  process.once("SIGTERM", () => {
    gateway.abandon();
    process.kill(process.pid, "SIGTERM");
  });
  return gateway;
}
