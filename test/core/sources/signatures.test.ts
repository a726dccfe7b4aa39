import { afterAll, describe, expect, it } from "vitest";
import { SIGNATURE_TOLERANCE_SECONDS } from "../../../src/core/limits.ts";
import { isProviderName, type ProviderName, providerOf } from "../../../src/sources/registry.ts";
import { TABLES } from "../../support/sources/all.ts";
import { incomingOf, URL_OF_SOURCE } from "../../support/sources/incoming.ts";
import type { Signing, SourceTable } from "../../support/sources/table.ts";

/** The group Signatures of bad inputs, for every provider: G08, G12, G13 and the timestamps of G03 and G04. */

const NOW = 1_800_000_000;
const FORM = "application/x-www-form-urlencoded";
/** Not UTF-8 to its end: bytes are verified, not text. It is a form as well, for those who sign fields. */
const BODY = new Uint8Array([...new TextEncoder().encode('b=2&a=%7B"x":"\\ud800"%7D&c='), 0xff, 0xfe]);

let checks = 0;
afterAll(() => console.log(`${checks} requests verified, of ${Object.keys(TABLES).length} providers`));

type Headers = Readonly<Record<string, string>>;

/** Signs a request, lets `change` at its headers, and asks the provider. */
function suite(name: ProviderName, table: SourceTable) {
  const [secret, other] = table.secrets;
  const request: Signing = { secret, body: BODY, contentType: FORM, url: URL_OF_SOURCE, time: String(NOW) };
  const verdict = (
    headers: Headers,
    { secrets = [secret], body = BODY }: { readonly secrets?: readonly string[]; readonly body?: Uint8Array } = {},
  ) => {
    checks += 1;
    const incoming = incomingOf({ body, headers, contentType: FORM });
    return providerOf(name).verify(incoming, { secrets, hmac: table.hmac ?? null }, NOW);
  };
  const signed = (change: Partial<Signing> = {}) => table.sign({ ...request, ...change });
  const withProof = (change: (proof: string) => string): Headers => {
    const headers = signed();
    const proof = table.proof ?? "";
    return { ...headers, [proof]: change(headers[proof] ?? "") };
  };
  return { secret, other, verdict, signed, withProof };
}

const tables = Object.entries(TABLES).flatMap(([name, table]) => (isProviderName(name) ? [{ name, table }] : []));
const proving = tables.filter(({ table }) => table.proof !== null);

describe.each(proving)("$name", ({ name, table }) => {
  const { secret, other, verdict, signed, withProof } = suite(name, table);
  const refused = async (headers: Headers, options?: Parameters<typeof verdict>[1]) =>
    expect(await verdict(headers, options)).not.toBeNull();

  it("takes what is signed with a secret of the source, the first or the last", async () => {
    expect(await verdict(signed())).toBeNull();
    expect(await verdict(signed(), { secrets: [other, secret] })).toBeNull();
    expect(await verdict(signed({ secret: other }), { secrets: [secret, other] })).toBeNull();
  });

  it("refuses a signature of another source's secret", async () => {
    expect(await verdict(signed({ secret: other }))).toBe("mismatch");
    expect(await verdict(signed(), { secrets: [other] })).toBe("mismatch");
    await refused(signed(), { secrets: [] });
  });

  it("refuses a request without any of its headers", async () => {
    expect(await verdict({})).toBe("missing");
    const proven = Object.entries(signed()).filter(([header]) => header !== "x-hub-signature");
    for (const [missing] of proven) {
      expect(await verdict(Object.fromEntries(proven.filter(([header]) => header !== missing)))).toBe("missing");
      await refused({ ...Object.fromEntries(proven), [missing]: "" });
    }
  });

  it.each<[string, (proof: string) => string]>([
    ["wrong", (proof) => proof.replace(/.$/, (last) => (last === "0" ? "1" : "0"))],
    ["truncated by one", (proof) => proof.slice(0, -1)],
    ["truncated to half", (proof) => proof.slice(0, proof.length / 2)],
    ["in upper case", (proof) => proof.toUpperCase()],
    ["with something before it", (proof) => `x${proof}`],
    ["with something behind it", (proof) => `${proof}0`],
    ["in quotes", (proof) => `"${proof}"`],
    ["nothing but its prefix", (proof) => proof.replace(/[^=, ]*=*$/, "")],
    ["very long", (proof) => proof.repeat(100)],
    ["beyond ASCII", () => "\u00e9".repeat(64)],
  ])("refuses a signature that is %s", async (_title, change) => {
    await refused(withProof(change));
  });

  it.each([...table.proofs])("takes or refuses one %s", async (_title, change, right) => {
    expect((await verdict(withProof(change))) === null).toBe(right);
  });
});

describe.each(proving.filter(({ table }) => table.coversBody))("$name, which signs the body", ({ name, table }) => {
  const { verdict, signed } = suite(name, table);

  it.each([
    ["shorter by three bytes", BODY.slice(0, -3)],
    ["longer by one", Uint8Array.of(...BODY, 0x41)],
    ["empty", new Uint8Array()],
  ])("refuses a body that is %s", async (_title, body) => {
    expect(await verdict(signed(), { body })).toBe("mismatch");
  });
});

describe.each(proving.filter(({ table }) => table.timed))("$name, which signs the time", ({ name, table }) => {
  const { verdict, signed } = suite(name, table);

  it("takes what was signed up to 300 s ago, or ahead, and nothing else", async () => {
    expect(SIGNATURE_TOLERANCE_SECONDS).toBe(300);
    for (const seconds of [-300, -299, 0, 299, 300]) {
      expect(await verdict(signed({ time: String(NOW + seconds) })), `${seconds} s`).toBeNull();
    }
    for (const seconds of [-NOW, -86_400, -301, 301, 86_400]) {
      expect(await verdict(signed({ time: String(NOW + seconds) })), `${seconds} s`).toBe("timestamp");
    }
  });

  it.each([
    ...["", `${NOW}000`, `${NOW}.5`, `-${NOW}`, `+${NOW}`, `0x${NOW.toString(16)}`, `${NOW}e0`, "NaN", "now"],
    ...[new Date(NOW * 1000).toISOString(), `${NOW} ${NOW}`],
  ])("refuses the time %j", async (time) => {
    expect(await verdict(signed({ time }))).not.toBeNull();
  });

  it("refuses a time other than the one that is signed", async () => {
    const [old] = Object.entries(signed({ time: String(NOW - 3600) })).filter(([header]) => header === table.proof);
    if (old === undefined) throw new Error("there is a proof");
    const fresh = old[1].replace(`t=${NOW - 3600}`, `t=${NOW}`);
    expect(await verdict({ ...signed(), [old[0]]: fresh })).toBe("mismatch");
  });
});

it("none takes everything", async () => {
  expect(await suite("none", TABLES.none).verdict({})).toBeNull();
});

describe("secrets", () => {
  it.each(tables)("of $name are as it makes them", ({ name, table }) => {
    const { signs, refusedSecret } = providerOf(name);
    expect(signs).toBe(table.proof !== null);
    for (const secret of signs ? table.secrets : []) expect(refusedSecret(secret), secret).toBeNull();
    for (const secret of table.refusedSecrets) expect(refusedSecret(secret), secret).toMatch(/^(must be|is not)/);
  });
});
