import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { formatSecret } from "../../src/core/secret.ts";
import { openVault, VAULT_NONCE_BYTES, type Vault } from "../../src/core/vault.ts";
import { Deliverer } from "../../src/delivery/deliverer.ts";
import { openTarget } from "../../src/delivery/open-target.ts";
import type { Part, Report } from "../../src/subscription/rpc.ts";
import { partOf, sendOf } from "../support/send.ts";

const KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const OTHER_KEY = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";
/** Answered by vitest.config.ts with the status its path names. */
const FAILING = "http://127.0.0.1:1/503?token=hunter2";

let lines: Record<string, unknown>[];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(JSON.parse(line)));
});
afterEach(() => vi.restoreAllMocks());

async function vault(): Promise<Vault> {
  const opened = await openVault({ key: KEY });
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

async function seal(text: string): Promise<string> {
  return (await vault()).encrypt(text, crypto.getRandomValues(new Uint8Array(VAULT_NONCE_BYTES)));
}

async function sealedPart(target: Partial<Part["target"]> = {}, part: Partial<Part> = {}): Promise<Part> {
  const secrets = [{ ciphertext: await seal(formatSecret(new Uint8Array(32))), expiresAt: null }];
  const headers = { authorization: await seal("Bearer hunter2") };
  const sends = [sendOf({ key: "hunter2", data: new TextEncoder().encode('"hunter2"') })];
  return partOf(sends, { leasedAt: Date.now(), ...part }, { url: FAILING, secrets, headers, ...target });
}

/** Runs a deliverer to its end; answers with the reports it made, and of which object it took a stub for each. */
async function deliver(part: Part, variables: Record<string, string> = {}, failures = 0) {
  const reports: Report[] = [];
  const stubs: string[] = [];
  const getByName = (name: string) => {
    stubs.push(name);
    return {
      report: async (report: Report) => {
        if (stubs.length <= failures) throw new Error("the object was reset");
        reports.push(report);
        return null;
      },
    };
  };
  const env = { SLUICE_ENCRYPTION_KEY: KEY, ALLOW_PRIVATE_TARGETS: "true", SUBSCRIPTION: { getByName }, ...variables };
  const context = createExecutionContext();
  const answer = new Deliverer(context, env as unknown as Env).run(part);
  const reportsAtAnswer = reports.length;
  await waitOnExecutionContext(context);
  return { answer, reportsAtAnswer, reports, stubs };
}

describe("a deliverer", () => {
  it("answers at once and reports to the subscription when the sends are done", async () => {
    const { answer, reportsAtAnswer, reports, stubs } = await deliver(await sealedPart({}, { deliverer: 7 }));
    expect(answer).toEqual({ accepted: true });
    expect(reportsAtAnswer).toBe(0);
    expect(stubs).toEqual(["default/sub_1"]);
    expect(reports).toMatchObject([
      { deliverer: 7, wants: 6, results: [{ kind: "answered", lease: 1, offset: 1, statusCode: 503 }] },
    ]);
  });

  it("writes one line for the attempts of a report: no query, key, payload, header or secret", async () => {
    await deliver(await sealedPart());
    expect(lines).toEqual([
      {
        event: "attempts",
        tenant: "default",
        subscription: "sub_1",
        topic: "orders",
        attempts: [
          {
            eventId: "evt_01hzy7k8m90000000001000000000001",
            offset: 1,
            attempt: 1,
            trigger: "fan-out",
            outcome: "failure",
            statusCode: 503,
            errorCode: "status",
            durationMilliseconds: expect.any(Number),
          },
        ],
      },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|whsec|v1\./);
  });

  it("writes one line for a batch, which says how many events went and names the first", async () => {
    const { sends, ...part } = await sealedPart();
    const events = [1, 2, 3].map((offset) => sendOf({ offset }).event);
    const batched = sends.map((send) => ({ ...send, batch: { id: "bat_1", events } }));
    const { reports } = await deliver({ ...part, sends: batched });
    expect(reports).toMatchObject([{ results: [{ kind: "answered", offset: 1 }] }]);
    expect(lines).toHaveLength(1);
    expect(lines).toMatchObject([
      { event: "attempts", attempts: [{ eventId: sends[0]?.event.id, offset: 1, batchId: "bat_1", batchSize: 3 }] },
    ]);
  });

  it("keeps the end of a secret's grace, which may come before the send", async () => {
    const secrets = [
      { ciphertext: await seal(formatSecret(new Uint8Array(32).fill(1))), expiresAt: null },
      { ciphertext: await seal(formatSecret(new Uint8Array(32).fill(2))), expiresAt: 1000 },
    ];
    const { target } = await sealedPart({ secrets });
    expect(await openTarget(target, await vault())).toMatchObject({
      headers: { authorization: "Bearer hunter2" },
      secrets: [
        { key: new Uint8Array(32).fill(1), expiresAt: null },
        { key: new Uint8Array(32).fill(2), expiresAt: 1000 },
      ],
    });
  });

  it("takes a fresh stub for a report that is sent again", async () => {
    const { reports, stubs } = await deliver(await sealedPart(), {}, 1);
    expect(stubs).toHaveLength(2);
    expect(reports).toMatchObject([{ results: [{ offset: 1 }] }]);
  });

  it("sends to no private address unless that is allowed", async () => {
    for (const allowed of ["false", "TRUE", "1", ""]) {
      const { reports } = await deliver(await sealedPart(), { ALLOW_PRIVATE_TARGETS: allowed });
      expect(reports).toMatchObject([{ results: [{ kind: "failed", error: { code: "denied" } }] }]);
    }
  });

  it("decrypts with the previous key during a rotation of the encryption key", async () => {
    const rotated = { SLUICE_ENCRYPTION_KEY: OTHER_KEY, SLUICE_ENCRYPTION_KEY_PREVIOUS: KEY };
    const { reports } = await deliver(await sealedPart(), rotated);
    expect(reports).toMatchObject([{ results: [{ kind: "answered", statusCode: 503 }] }]);
  });

  it.each([
    ["a secret of another key", { SLUICE_ENCRYPTION_KEY: OTHER_KEY }, {}],
    ["a malformed key", { SLUICE_ENCRYPTION_KEY: "x" }, {}],
    ["no secret at all", {}, { secrets: [] }],
    ["a header that is no ciphertext", {}, { headers: { "x-team": "plain" } }],
  ])("sends nothing with %s, and says so in the delivery log", async (_, variables, target) => {
    const { reports } = await deliver(await sealedPart(target), variables);
    expect(reports).toMatchObject([
      {
        results: [
          { kind: "failed", bodyBytes: 0, error: { code: "denied", message: expect.stringContaining("decrypted") } },
        ],
      },
    ]);
  });

  it("starts nothing later than 250 ms after the lease", async () => {
    const { reports } = await deliver(await sealedPart({}, { leasedAt: Date.now() - 251 }));
    expect(reports).toMatchObject([{ results: [{ kind: "unsent" }] }]);
    expect(lines).toEqual([]);
  });
});
