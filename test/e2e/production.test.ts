import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { experimental_readRawConfig } from "wrangler";
import { withGateway } from "../support/gateway.ts";
import { ROOT, toolEnvironment } from "../support/process-group.ts";

const directory = mkdtempSync(join(tmpdir(), "sluice-production-"));

const gateway = withGateway(() => {
  buildBundle();
  return { variables: { ALLOW_PRIVATE_TARGETS: null }, wranglerArguments: ["--config", writeConfig()] };
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Builds what `wrangler deploy` would upload. */
function buildBundle(): void {
  const args = ["deploy", "--dry-run", "--outdir", join(directory, "bundle")];
  const run = spawnSync("wrangler", args, { cwd: ROOT, encoding: "utf8", env: toolEnvironment() });
  if (run.status !== 0) throw new Error(`wrangler deploy --dry-run: ${run.stdout}${run.stderr}`);
}

/** The project's own configuration, away from .dev.vars, with the built bundle in place of the sources. */
function writeConfig(): string {
  const { rawConfig } = experimental_readRawConfig({ config: join(ROOT, "wrangler.toml") });
  const file = join(directory, "wrangler.json");
  const config = {
    ...rawConfig,
    main: join(directory, "bundle", "worker.js"),
    no_bundle: true,
    assets: { ...rawConfig.assets, directory: join(ROOT, "dist", "dashboard") },
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

it("has no demo (12.2)", async () => {
  const client = gateway().client();
  expect(await client.request("POST", "/v1/demo")).toMatchObject({ status: 404 });
  expect(await client.request("PUT", "/v1/demo/receivers/demo-flaky", { mode: "ok" })).toMatchObject({ status: 404 });
});

it.each([
  "http://localhost:3000/hook",
  "https://127.0.0.1/hook",
  "https://[::ffff:10.0.0.1]/hook",
  "https://2130706433/hook",
  "https://metadata.internal/hook",
  "http://example.com/hook",
])("delivers to no private address, and not without TLS: %s (5.8)", async (url) => {
  const answer = await gateway()
    .client()
    .request("POST", "/v1/subscriptions", { name: "private", topic: "orders", url });
  expect(answer).toMatchObject({ status: 422, body: { code: "invalid-url" } });
});

it("takes and keeps events, and subscriptions to public addresses", async () => {
  const client = gateway().client();
  const published = await client.publish("invoices", { type: "invoice.sent", data: { n: 1 } });
  expect(published).toMatchObject({ offset: 1, duplicate: false });
  expect((await client.logPages("invoices")).join("")).toContain(published.id);
  // Of a topic without events: nothing is sent out of here.
  const subscription = await client.subscribe({ name: "public", topic: "orders", url: "https://example.com/hook" });
  expect(subscription).toMatchObject({ state: "active", secret: expect.stringMatching(/^whsec_/) });
});

it("serves the dashboard and says that it is healthy (12.1)", async () => {
  const page = await fetch(gateway().origin);
  expect(page.status).toBe(200);
  expect(page.headers.get("content-type")).toContain("text/html");
  const health = await fetch(`${gateway().origin}/healthz`);
  expect(await health.json()).toMatchObject({ ok: true });
});
