import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { VERSION } from "../../src/core/version.ts";

it("the gateway calls itself by the version of its package", () => {
  expect(VERSION).toBe(manifest.version);
});
