import examples from "@octokit/webhooks-examples" with { type: "json" };
import { sign as signGitHub } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import { Stripe } from "stripe";
import twilioLibrary from "twilio";
import { describe, expect, it } from "vitest";
import type { Credentials, Provider } from "../../../src/sources/provider.ts";
import { providerOf } from "../../../src/sources/registry.ts";
import { incomingOf, URL_OF_SOURCE } from "../../support/sources/incoming.ts";
import { urlWithDigest } from "../../support/sources/twilio.ts";

/** What the providers' own libraries sign, and the vectors they document. */

const NOW = 1_800_000_000;
const FORM = "application/x-www-form-urlencoded";
const { getExpectedTwilioSignature, validateRequest } = twilioLibrary;

const payloads = examples.flatMap(({ name, examples: ofName }) =>
  ofName.map((payload: object, index) => ({ name, body: JSON.stringify(payload, null, index % 3) })),
);

type Request = Parameters<typeof incomingOf>[0];

const verdict = (provider: Provider, request: Request, secrets: Credentials["secrets"], nowSeconds = NOW) =>
  provider.verify(incomingOf(request), { secrets, hmac: null }, nowSeconds);

/** Right as it is; and with a byte more, refused. */
async function expectRight(provider: Provider, request: Request & { readonly body: string }, secret: string) {
  expect(await verdict(provider, request, [secret])).toBeNull();
  expect(await verdict(provider, { ...request, body: `${request.body} ` }, [secret])).toBe("mismatch");
}

describe("@octokit/webhooks-methods", () => {
  it("signs all 329 payloads of @octokit/webhooks-examples", async () => {
    const secret = "It's a Secret to Everybody";
    for (const { name, body } of payloads) {
      const headers = { "x-hub-signature-256": await signGitHub(secret, body), "x-github-event": name };
      await expectRight(providerOf("github"), { body, headers }, secret);
    }
    console.log(`${payloads.length} payloads signed by @octokit/webhooks-methods`);
    expect(payloads).toHaveLength(329);
  });
});

describe("stripe", () => {
  // Nothing is sent: the key is only asked for.
  const { webhooks } = new Stripe("sk_test_unused");

  it("signs the same payloads", async () => {
    const secret = "whsec_test_secret";
    for (const { body } of payloads) {
      const header = webhooks.generateTestHeaderString({ payload: body, secret, timestamp: NOW });
      await expectRight(providerOf("stripe"), { body, headers: { "stripe-signature": header } }, secret);
    }
    console.log(`${payloads.length} payloads signed by stripe`);
  });

  it("agrees with us on what is too old; it lets the future pass, we do not", async () => {
    const secret = "whsec_test_secret";
    const body = '{"id":"evt_1"}';
    for (const age of [0, 299, 300, 301, 1000]) {
      const header = webhooks.generateTestHeaderString({ payload: body, secret, timestamp: NOW - age });
      const theirs = () => webhooks.constructEvent(body, header, secret, 300, undefined, NOW * 1000);
      const ours = await verdict(providerOf("stripe"), { body, headers: { "stripe-signature": header } }, [secret]);
      expect(ours, `${age} s`).toBe(age <= 300 ? null : "timestamp");
      if (age <= 300) theirs();
      else expect(theirs).toThrow();
    }
  });
});

describe("standardwebhooks", () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  const headersOf = (signature: string, seconds = NOW) => ({
    ...{ "webhook-id": id, "webhook-timestamp": String(seconds), "webhook-signature": signature },
  });

  it.each(["standard-webhooks", "gitlab"] as const)("signs the same payloads, for %s", async (name) => {
    const library = new Webhook(secret);
    for (const { body } of payloads) {
      const headers = headersOf(library.sign(id, new Date(NOW * 1000), body));
      await expectRight(providerOf(name), { body, headers }, secret);
    }
    console.log(`${payloads.length} payloads signed by standardwebhooks, for ${name}`);
  });

  it("has a documented vector", async () => {
    const body = '{"test": 2432232314}';
    const seconds = 1_614_265_330;
    const headers = headersOf("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", seconds);
    expect(await verdict(providerOf("standard-webhooks"), { body, headers }, [secret], seconds)).toBeNull();
    expect(await verdict(providerOf("standard-webhooks"), { body, headers }, [secret])).toBe("timestamp");
  });

  it("of GitLab is not replaced by sending the signing token", async () => {
    const gitlab = providerOf("gitlab");
    const body = "{}";
    const sent = { body, headers: { "x-gitlab-token": secret } };
    expect(await verdict(gitlab, sent, [secret])).toBe("missing");
    const headers = headersOf(new Webhook(secret).sign(id, new Date(NOW * 1000), body));
    expect(await verdict(gitlab, { body, headers }, ["token", secret])).toBeNull();
    expect(await verdict(gitlab, { body, headers: { "x-gitlab-token": "token" } }, ["token", secret])).toBeNull();
    expect(await verdict(gitlab, { body, headers }, ["token"])).toBe("missing");
    expect(await verdict(gitlab, { body, headers: { ...headers, "webhook-id": "other" } }, [secret])).toBe("mismatch");
    const late = headersOf(new Webhook(secret).sign(id, new Date((NOW - 301) * 1000), body), NOW - 301);
    expect(await verdict(gitlab, { body, headers: late }, [secret])).toBe("timestamp");
  });
});

describe("twilio", () => {
  const twilio = providerOf("twilio");
  const token = "12345";
  const forms: readonly Record<string, string | string[]>[] = [
    {},
    { CallSid: "CA1234567890ABCDE", Caller: "+14158675309", Digits: "1234", From: "+14158675309", To: "+18005551212" },
    { b: "2", a: "1", B: "3", A: "4", "a.b": "5", "": "6" },
    { Body: "é 😀 & = + %41 \r\n <x>", empty: "" },
    { MessageSid: "SM1", Tag: ["b", "a", "b"] },
    { name: ["one", "two"], nameone: "x" },
  ];

  const formOf = (form: Record<string, string | string[]>): string =>
    new URLSearchParams(
      Object.entries(form).flatMap(([name, value]) => [value].flat().map((one) => [name, one])),
    ).toString();

  const request = (url: string, form: Record<string, string | string[]>, signedUrl = url) => ({
    ...{ url, contentType: FORM, body: formOf(form) },
    headers: { "x-twilio-signature": getExpectedTwilioSignature(token, signedUrl, form) },
  });

  it.each(forms)("signs the form %j", async (form) => {
    const { headers, ...rest } = request(URL_OF_SOURCE, form);
    expect(validateRequest(token, headers["x-twilio-signature"], URL_OF_SOURCE, form)).toBe(true);
    expect(await verdict(twilio, { ...rest, headers }, ["other", token])).toBeNull();
    expect(await verdict(twilio, { ...rest, headers }, ["other"])).toBe("mismatch");
    expect(await verdict(twilio, { ...rest, headers, body: `${rest.body}&x=1` }, [token])).toBe("mismatch");
    expect(await verdict(twilio, { ...rest, headers, url: `${URL_OF_SOURCE}x` }, [token])).toBe("mismatch");
  });

  it.each([
    ["https://gateway.example/in/t", "https://gateway.example:443/in/t", true],
    ["http://gateway.example/in/t", "http://gateway.example:80/in/t", true],
    ["http://gateway.example:8787/in/t", "http://gateway.example:8787/in/t", true],
    ["http://gateway.example:8787/in/t", "http://gateway.example/in/t", true],
    ["http://gateway.example/in/t", "http://gateway.example:8787/in/t", false],
    ["http://gateway.example/in/t", "https://gateway.example/in/t", false],
    ["https://[::1]/in/t", "https://[::1]:443/in/t", true],
  ])("a request to %s may be signed as %s: %s", async (url, signedUrl, right) => {
    expect((await verdict(twilio, request(url, { a: "1" }, signedUrl), [token])) === null).toBe(right);
    const theirs = validateRequest(token, getExpectedTwilioSignature(token, signedUrl, { a: "1" }), url, { a: "1" });
    expect(theirs).toBe(right);
  });

  it("signs any other body by the digest in the URL", async () => {
    const contentType = "application/json";
    for (const { body } of payloads) {
      const url = urlWithDigest(URL_OF_SOURCE, body);
      const headers = { "x-twilio-signature": getExpectedTwilioSignature(token, url, {}) };
      await expectRight(twilio, { url, body, contentType, headers }, token);
    }
    const bare = { "x-twilio-signature": getExpectedTwilioSignature(token, URL_OF_SOURCE, {}) };
    expect(await verdict(twilio, { body: "{}", contentType, headers: bare }, [token])).toBe("mismatch");
    expect(await verdict(twilio, { body: "", contentType, headers: bare }, [token])).toBeNull();
    console.log(`${payloads.length} payloads and ${forms.length} forms signed by twilio`);
  });
});

describe("documented vectors", () => {
  it("of GitHub", async () => {
    const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const request = { body: "Hello, World!", headers: { "x-hub-signature-256": signature } };
    await expectRight(providerOf("github"), request, "It's a Secret to Everybody");
  });

  it("of Slack", async () => {
    const body = [
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V",
      "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=",
      "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN",
      "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    ].join("");
    const headers = {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    };
    const secrets = ["8f742231b10e8888abcd99yyyzzz85a5"];
    const contentType = FORM;
    expect(await verdict(providerOf("slack"), { body, headers, contentType }, secrets, 1_531_420_618)).toBeNull();
    expect(await verdict(providerOf("slack"), { body, headers, contentType }, secrets, 1_531_420_918)).toBeNull();
    expect(await verdict(providerOf("slack"), { body, headers, contentType }, secrets, 1_531_420_919)).toBe(
      "timestamp",
    );
  });

  it("of RFC 7617 for Basic", async () => {
    const headers = { authorization: "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" };
    expect(await verdict(providerOf("basic"), { headers }, ["Aladdin:open sesame"])).toBeNull();
    expect(
      await verdict(providerOf("basic"), { headers: { authorization: "Basic dGVzdDoxMjPCow==" } }, ["test:123£"]),
    ).toBeNull();
  });
});

describe("hmac", () => {
  // RFC 4231, test case 2 (and RFC 2202 for SHA-1): the key "Jefe", one text.
  const body = "what do ya want for nothing?";
  it.each([
    ["sha256", "hex", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
    ["sha1", "hex", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
    ["sha256", "base64", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="],
    ["sha1", "base64", "7/zfauXrL6LSdBbV8YTfnCWafHk="],
  ] as const)("with %s in %s makes the documented digest", async (algorithm, encoding, digest) => {
    const hmac = { header: "x-sig", algorithm, encoding, prefix: "v=" };
    const incoming = incomingOf({ body, headers: { "X-Sig": `v=${digest}` } });
    expect(await providerOf("hmac").verify(incoming, { secrets: ["Jefe"], hmac }, NOW)).toBeNull();
    expect(await providerOf("hmac").verify(incoming, { secrets: ["jefe"], hmac }, NOW)).toBe("mismatch");
  });
});
