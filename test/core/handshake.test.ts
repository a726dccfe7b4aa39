import { afterEach, describe, expect, it, vi } from "vitest";
import { refusalOfPermission } from "../../src/core/handshake.ts";
import { askPermission } from "../../src/delivery/send.ts";
import { gatewayWithMemory } from "../support/subscription-gateway.ts";

/** API clause 5.1 `verification`: HTTP 1.1 Web Hooks for Event Delivery, section 4. */

const ORIGIN = "gateway.example";

describe("an answer to the handshake", () => {
  const refusal = (status: number, headers: Record<string, string>, requestsPerMinute: number | null = null) => {
    const answer = new Headers(headers);
    return refusalOfPermission({ origin: ORIGIN, requestsPerMinute }, status, (name) => answer.get(name));
  };
  const named = { "WebHook-Allowed-Origin": ORIGIN };
  const rated = (rate: string) => ({ ...named, "WebHook-Allowed-Rate": rate });

  it.each<[status: number, headers: Record<string, string>, rate: number | null]>([
    [200, named, null],
    [204, { "webhook-allowed-origin": "*" }, null],
    [200, { "WebHook-Allowed-Origin": "Gateway.Example" }, null],
    [200, rated("1"), null],
    [200, rated("*"), 600],
    [200, rated("600"), 600],
    [200, named, 600],
    [200, rated("soon"), 600],
    [200, rated("0"), 600],
  ])("%i %j, asked for %j a minute, allows", (status, headers, rate) => {
    expect(refusal(status, headers, rate)).toBeNull();
  });

  it.each<[status: number, headers: Record<string, string>, rate: number | null, member: string, detail: RegExp]>([
    [200, {}, null, "verification", /no WebHook-Allowed-Origin.*answer OPTIONS.*gateway\.example/],
    [405, named, null, "verification", /405/],
    [302, { ...named, location: "https://example.com/" }, null, "verification", /302/],
    [500, named, null, "verification", /500/],
    [200, { "WebHook-Allowed-Origin": "other.example" }, null, "verification", /another origin/],
    [200, { "WebHook-Allowed-Origin": "" }, null, "verification", /another origin/],
    [200, { "WebHook-Allowed-Origin": "*, gateway.example" }, null, "verification", /another origin/],
    [200, rated("120"), 600, "rateLimit", /120 requests a minute: set perSecond to 2 or less/],
    [200, rated("30"), 60, "rateLimit", /leave it out/],
  ])("%i %j, asked for %j a minute, does not", (status, headers, rate, member, detail) => {
    expect(refusal(status, headers, rate)).toEqual({ member, detail: expect.stringMatching(detail) });
  });

  it("is not repeated in the refusal", () => {
    expect(JSON.stringify(refusal(200, { "WebHook-Allowed-Origin": "s3cr3t" }))).not.toContain("s3cr3t");
  });
});

type Asked = { readonly url: string; readonly method: string | undefined; readonly headers: Record<string, string> };

/** What `fetch` was asked for; each answer is made by `answer`. */
function fetching(answer: (init: RequestInit) => Response | Promise<Response>): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    asked.push({ url, method: init.method, headers: Object.fromEntries(new Headers(init.headers)) });
    return answer(init);
  });
  return asked;
}

const allowing =
  (more: Record<string, string> = {}) =>
  () =>
    new Response(null, { status: 200, headers: { "WebHook-Allowed-Origin": ORIGIN, ...more } });

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("asking for permission", () => {
  const request = { url: "https://example.com/hook?a=1", origin: ORIGIN, requestsPerMinute: null, timeoutSeconds: 1 };
  const options = { allowPrivate: false, version: "9.9.9", now: () => Date.now() };

  it("is an OPTIONS request with the origin, and the rate where there is one", async () => {
    const asked = fetching(allowing());
    expect(await askPermission(request, options)).toBeNull();
    expect(await askPermission({ ...request, requestsPerMinute: 600 }, options)).toBeNull();
    const headers = { "webhook-request-origin": ORIGIN, "user-agent": "Sluice/9.9.9" };
    expect(asked).toEqual([
      { url: request.url, method: "OPTIONS", headers },
      { url: request.url, method: "OPTIONS", headers: { ...headers, "webhook-request-rate": "600" } },
    ]);
  });

  it("follows no redirect, waits no longer than allowed, and says what went wrong", async () => {
    const inits: RequestInit[] = [];
    fetching((init) => {
      inits.push(init);
      throw new Error("Network connection lost.");
    });
    expect(await askPermission(request, options)).toMatchObject({
      member: "verification",
      detail: expect.stringMatching(/^failed: No connection.*WebHook-Allowed-Origin: gateway\.example/),
    });
    expect(inits[0]).toMatchObject({ redirect: "manual", signal: expect.any(AbortSignal) });

    vi.useFakeTimers();
    fetching(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    );
    const asking = askPermission(request, options);
    await vi.advanceTimersByTimeAsync(1000);
    vi.useRealTimers();
    expect(await asking).toMatchObject({ detail: expect.stringContaining("No answer within 1 seconds") });
  });

  it("goes nowhere where deliveries may not go", async () => {
    const asked = fetching(allowing());
    for (const url of [
      "http://example.com/",
      "https://127.0.0.1/",
      "https://localhost/",
      "https://[::ffff:10.0.0.1]/",
    ]) {
      expect(await askPermission({ ...request, url }, options)).toMatchObject({ member: "verification" });
    }
    expect(asked).toEqual([]);
  });
});

describe("a subscription that is verified", () => {
  const DOCUMENT = { name: "billing", topic: "orders", url: "https://example.com/hook", verification: "handshake" };
  const PATH = "/v1/subscriptions/billing";

  it("is created when the url allows it, shows it, and keeps the origin", async () => {
    const asked = fetching(allowing());
    const { send, created } = gatewayWithMemory();
    const { status, body } = await send("POST", "/v1/subscriptions", {
      ...DOCUMENT,
      headers: { "x-secret": "s3cr3t" },
    });
    expect([status, body.verification]).toEqual([201, "handshake"]);
    expect(created[0]?.config.webhookOrigin).toBe(ORIGIN);
    expect(asked).toHaveLength(1);
    expect(JSON.stringify(asked)).not.toContain("s3cr3t");
  });

  it("is refused when it does not: 422, and neither subscription nor topic is made", async () => {
    fetching(() => new Response(null, { status: 405 }));
    const { send, created, gateway } = gatewayWithMemory();
    const { status, body } = await send("POST", "/v1/subscriptions", DOCUMENT);
    expect([status, body.code, body.errors]).toEqual([
      422,
      "invalid",
      [{ pointer: "#/verification", detail: expect.stringContaining("405") }],
    ]);
    expect(created).toEqual([]);
    expect(gateway.calls.filter((call) => /ensureTopic|create/.test(call))).toEqual([]);
  });

  it("is asked for nothing when anything else is wrong", async () => {
    const asked = fetching(allowing());
    const { send } = gatewayWithMemory();
    for (const more of [
      { url: "ftp://example.com" },
      { filter: { match: { data: { $x: 1 } } } },
      { secret: "short" },
    ]) {
      expect((await send("POST", "/v1/subscriptions", { ...DOCUMENT, ...more })).status).toBe(422);
    }
    expect((await send("POST", "/v1/subscriptions", { ...DOCUMENT, verification: "none" })).status).toBe(201);
    expect(asked).toEqual([]);
  });

  it("is asked again for another url, and when it is turned on, not otherwise", async () => {
    const asked = fetching(allowing());
    const { send } = gatewayWithMemory();
    await send("POST", "/v1/subscriptions", { ...DOCUMENT, verification: "none" });
    const urls = async (method: string, document: object) => {
      asked.length = 0;
      const { status, body } = await send(method, PATH, document);
      return [status, body.verification, asked.map(({ url }) => url)];
    };
    const other = "https://example.com/other";
    expect(await urls("PATCH", { verification: "handshake" })).toEqual([200, "handshake", [DOCUMENT.url]]);
    expect(await urls("PATCH", { description: "d", verification: "handshake" })).toEqual([200, "handshake", []]);
    expect(await urls("PUT", DOCUMENT)).toEqual([200, "handshake", []]);
    expect(await urls("PATCH", { url: other })).toEqual([200, "handshake", [other]]);
    expect(await urls("PUT", DOCUMENT)).toEqual([200, "handshake", [DOCUMENT.url]]);
    expect(await urls("PATCH", { verification: null })).toEqual([200, "none", []]);
    expect(await urls("PATCH", { url: other })).toEqual([200, "none", []]);

    await send("PATCH", PATH, { verification: "handshake" });
    fetching(() => new Response(null, { status: 404 }));
    expect((await send("PATCH", PATH, { url: DOCUMENT.url, description: "new" })).status).toBe(422);
    const { body } = await send("GET", PATH);
    expect([body.url, body.description]).toEqual([other, ""]);
  });
});
