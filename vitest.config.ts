import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { Response as MiniflareResponse } from "miniflare";
import { defineConfig } from "vitest/config";

/** One file, five projects: pure code and the simulation in Node, objects inside workerd, the whole gateway from outside, and chaos. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: "core", include: ["test/core/**/*.test.ts"] } },
      { test: { name: "sim", include: ["test/sim/**/*.test.ts"], testTimeout: 600_000 } },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                SLUICE_ROOT_KEY: "root-key-for-the-tests",
                SLUICE_ENCRYPTION_KEY: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
                ALLOW_PRIVATE_TARGETS: "true",
              },
              // The subscribers of these tests: a status by path, without a network.
              outboundService: (request: { url: string }) =>
                new MiniflareResponse("noted", { status: Number(new URL(request.url).pathname.slice(1)) || 200 }),
            },
          }),
        ],
        test: { name: "worker", include: ["test/worker/**/*.test.ts"] },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // One gateway at a time: two cores, and every file starts a real one.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "chaos",
          include: ["test/chaos/**/*.test.ts"],
          testTimeout: 180_000,
          fileParallelism: false,
          // When all others are done: it measures how long things take.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
