import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { Response as MiniflareResponse } from "miniflare";
import { defineConfig } from "vitest/config";

/**
 * One file, six projects: pure code, handlers and the simulation in Node, objects inside workerd, the whole gateway from
 * outside, and chaos. Handlers remember what exists, so each of their files has modules of its own; the files of the others
 * share theirs, which halves their time.
 */
export default defineConfig({
  test: {
    // Of two cores, all: each file of e2e waits for its gateway half of the time.
    maxWorkers: 2,
    projects: [
      { test: { name: "core", include: ["test/core/**/*.test.ts"], isolate: false } },
      { test: { name: "http", include: ["test/http/**/*.test.ts"] } },
      { test: { name: "sim", include: ["test/sim/**/*.test.ts"], testTimeout: 600_000, isolate: false } },
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
        test: { name: "worker", include: ["test/worker/**/*.test.ts"], isolate: false },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          isolate: false,
        },
      },
      {
        test: {
          name: "chaos",
          include: ["test/chaos/**/*.test.ts"],
          // Longer than a short run may take before it is ended, and says where it hangs.
          testTimeout: 240_000,
          fileParallelism: false,
          // When all others are done, a run for each of two cores: it measures how long things take.
          sequence: { groupOrder: 1 },
          maxConcurrency: 2,
        },
      },
    ],
  },
});
