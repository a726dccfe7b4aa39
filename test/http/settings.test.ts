import { describe, expect, test, vi } from "vitest";
import { parseSettings } from "../../src/http/settings.ts";
import { ENCRYPTION_KEY, fakeGateway, ROOT_KEY } from "../support/http-env.ts";

const GOOD = {
  SLUICE_ROOT_KEY: ROOT_KEY,
  SLUICE_ENCRYPTION_KEY: ENCRYPTION_KEY,
  ALLOW_PRIVATE_TARGETS: "false",
  TOPICS_AUTO_CREATE: "true",
};

describe("the variables a gateway is started with", () => {
  test("are accepted when complete", async () => {
    const settings = await parseSettings(GOOD);
    expect(settings).toMatchObject({
      ok: true,
      value: { rootKey: ROOT_KEY, allowPrivateTargets: false, topicsAutoCreate: true },
    });
  });

  test.each([
    ["SLUICE_ROOT_KEY", undefined],
    ["SLUICE_ROOT_KEY", ""],
    ["SLUICE_ROOT_KEY", "fifteen-charact"],
    ["SLUICE_ROOT_KEY", "with a space in the key"],
    ["SLUICE_ROOT_KEY", "schlüssel-mit-umlaut"],
    ["SLUICE_ENCRYPTION_KEY", undefined],
    ["SLUICE_ENCRYPTION_KEY", "not base64 at all, sorry"],
    ["SLUICE_ENCRYPTION_KEY", "c2hvcnQ="],
    ["SLUICE_ENCRYPTION_KEY_PREVIOUS", "c2hvcnQ="],
    ["ALLOW_PRIVATE_TARGETS", undefined],
    ["ALLOW_PRIVATE_TARGETS", "yes"],
    ["ALLOW_PRIVATE_TARGETS", true],
    ["TOPICS_AUTO_CREATE", undefined],
    ["TOPICS_AUTO_CREATE", "TRUE"],
  ])("are refused by name: %s = %j", async (variable, value) => {
    const settings = await parseSettings({ ...GOOD, [variable]: value });
    const error = settings.ok ? null : settings.error;
    expect(error?.code).toBe("misconfigured");
    expect(error?.detail).toContain(`The variable ${variable} must`);
    if (typeof value === "string" && value.length > 4) expect(error?.detail).not.toContain(value);
  });
});

describe("a misconfigured gateway", () => {
  test.each(["/healthz", "/v1/topics", "/problems/loop", "/nowhere"])("says so under %s", async (path) => {
    const gateway = fakeGateway({ variables: { SLUICE_ROOT_KEY: undefined } });
    const answer = await gateway.send("GET", path);
    expect(answer.status).toBe(500);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.json()).toMatchObject({
      code: "misconfigured",
      detail: expect.stringContaining("SLUICE_ROOT_KEY"),
    });
  });

  test("has another encryption key than its storage, until it is put right", async () => {
    const checkEncryptionKey = vi.fn<() => Promise<"match" | "mismatch">>().mockResolvedValue("mismatch");
    const gateway = fakeGateway({ directory: { checkEncryptionKey, probeWrite: async () => true } });
    const refused = await gateway.send("GET", "/healthz");
    expect(refused.status).toBe(500);
    expect(await refused.text()).toContain("SLUICE_ENCRYPTION_KEY");
    checkEncryptionKey.mockResolvedValue("match");
    expect((await gateway.send("GET", "/healthz")).status).toBe(200);
    expect((await gateway.send("GET", "/healthz")).status).toBe(200);
    // The match is remembered, the mismatch was not.
    expect(checkEncryptionKey).toHaveBeenCalledTimes(2);
    expect(gateway.calls).toContain("Directory * checkEncryptionKey");
  });
});
