import { expect, it } from "vitest";
import { classifyFetchError } from "../../src/delivery/fetch-error.ts";

it.each([
  ["Network connection lost.", "http:", "connection"],
  ["internal error; reference = 059buq8s02shd0utssievccj", "http:", "dns"],
  ["internal error; reference = 059buq8s02shd0utssievccj", "https:", "tls"],
  ["TLS handshake failed: invalid peer certificate", "https:", "tls"],
  ["DNS lookup failed.", "https:", "dns"],
  ["failed to lookup address information", "https:", "dns"],
  ["connect(): Connection refused", "http:", "connection"],
  ["Network is unreachable", "http:", "connection"],
  ["Connection reset by peer", "http:", "reset"],
  ["something nobody has seen yet", "http:", "response"],
])("%j over %s is `%s`", (message, protocol, code) => {
  expect(classifyFetchError(new Error(message), protocol).code).toBe(code);
  expect(classifyFetchError(message, protocol).code).toBe(code);
});

it("does not pass on what the runtime said", () => {
  const { message } = classifyFetchError(new Error("internal error; reference = 059buq8s02shd"), "https:");
  expect(message).not.toContain("reference");
});
