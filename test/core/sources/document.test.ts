import { describe, expect, it } from "vitest";
import { readWebhook } from "../../../src/sources/receive.ts";
import { isProviderName, PROVIDERS, type ProviderName, providerOf } from "../../../src/sources/registry.ts";
import { code, example, names, rowsOf } from "../../support/protocol-doc.ts";
import { sourceGateway } from "../../support/source-gateway.ts";
import { incomingOf } from "../../support/sources/incoming.ts";

/** Section 8 of the protocol's document against the code. */

const providerIn = (cell: string): ProviderName => {
  const name = code(cell);
  if (!isProviderName(name)) throw new Error(`no provider: ${cell}`);
  return name;
};

/** `X-This`, else `/that` of a form */
const placesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, place = ""]) => place);

/** A request that has a value at just this place. */
function requestWith(place: string, value: string) {
  if (!place.startsWith("/")) return incomingOf({ headers: { [place]: value } });
  const [first = "", second] = place.slice(1).split("/");
  const nested = JSON.stringify({ [second ?? ""]: value });
  if (first !== "payload" && first !== "MessageSid") {
    const body = second === undefined ? JSON.stringify({ [first]: value }) : `{"${first}":${nested}}`;
    return incomingOf({ body, contentType: "application/json" });
  }
  const field = new URLSearchParams({ [first]: second === undefined ? value : nested });
  return incomingOf({ body: field.toString(), contentType: "application/x-www-form-urlencoded" });
}

describe("the tables", () => {
  it.each([["proof", "a secret is"], ["event name", "delivery id"], ["headers kept"]])(
    "have every provider: %s",
    (...header) => {
      expect(names(rowsOf("provider", ...header))).toEqual(Object.keys(PROVIDERS));
    },
  );

  it.each(rowsOf("provider", "event name", "delivery id"))("of names and ids: %s", async (cell, name = "", id = "") => {
    const provider = providerIn(cell ?? "");
    const options = { typeFrom: null, keyFrom: null, idempotencyFrom: null, hmac: null };
    const read = (place: string) =>
      readWebhook(requestWith(place, "Found"), "text/plain", { id: "src_1", provider, options }, 0);
    for (const place of placesIn(name)) expect((await read(place)).type, place).toBe(`${provider}.found`);
    for (const place of placesIn(id)) expect((await read(place)).idempotency?.key, place).toBe("src_1\nFound");
    if (name === "none") expect(providerOf(provider).eventName(requestWith("/type", "Found"))).toBeNull();
    if (id === "none") expect(providerOf(provider).deliveryId(requestWith("/id", "Found"))).toBeNull();
  });

  it.each(rowsOf("provider", "headers kept"))("of headers: %s keeps %s", (cell, kept = "") => {
    const { keeps } = providerOf(providerIn(cell ?? ""));
    const [right = "", wrong = ""] = kept.split(" but not ");
    const [first = "", ...others] = placesIn(wrong);
    const all = [...placesIn(right), ...others];
    expect(all.length).toBeGreaterThan(0);
    for (const pattern of all) expect(keeps(pattern.replace("*", "name")), pattern).toBe(true);
    for (const header of [first, "authorization", "cookie", "host", "cf-ray", "x-gitlab-token", "content-type"]) {
      expect(keeps(header), header).toBe(false);
    }
  });
});

it("the members of a source are those of its document", () => {
  const shown = names(rowsOf("member of a source", "rule"));
  const { options, ...members } = JSON.parse(example("8.1"));
  expect(shown.filter((name) => !name.startsWith("options."))).toEqual(Object.keys(members));
  for (const name of Object.keys(options)) expect(shown).toContain(`options.${name}`);
});

it("the example is accepted, and shown like that", async () => {
  const gateway = sourceGateway();
  const source = await gateway.create(JSON.parse(example("8.1")));
  const written = JSON.parse(example("8.1", 1));
  expect(Object.keys(source)).toEqual(Object.keys(written));
  expect(source.options).toEqual(written.options);
  const { pathname } = new URL(source.url);
  expect(pathname).toHaveLength(new URL(written.url).pathname.length);
  await gateway.deliver(source.url, { body: "x" });
  const { lastRefusal } = await gateway.get("github");
  expect(Object.keys(lastRefusal ?? {})).toEqual(Object.keys(written.lastRefusal));
});
