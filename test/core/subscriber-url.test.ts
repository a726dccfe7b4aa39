import fc from "fast-check";
import shouldNotPass from "ssrfcheck/tests/data/should-not-pass.js";
import shouldPass from "ssrfcheck/tests/data/should-pass.js";
import validAddresses from "ssrfcheck/tests/data/valid-ips-list.js";
import { describe, expect, it } from "vitest";
import { URL_MAX_CHARACTERS } from "../../src/core/limits.ts";
import { checkSubscriberUrl } from "../../src/core/subscriber-url.ts";

const accepts = (url: string, allowPrivate = false): boolean => checkSubscriberUrl(url, allowPrivate).ok;

const onlyPrivate: Readonly<Record<string, readonly string[]>> = {
  "loopback and its names": [
    "https://127.0.0.1",
    "https://127.255.255.254:8443/x",
    "https://localhost",
    "https://LOCALHOST/",
    "https://localhost.",
    "https://x.localhost",
    "https://x.localhost.",
    "https://[::1]",
    "https://[::]",
  ],
  "other spellings of IPv4": [
    "https://2130706433",
    "https://0x7f000001",
    "https://0177.0.0.1",
    "https://127.1",
    "https://0",
    "https://127.0.0.0x1",
    "https://%31%32%37.0.0.1",
    "https://①②⑦.0.0.1",
    "https://127.0.0.1.",
    "https://127。0。0。1",
  ],
  "IPv6 that carries IPv4": [
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:7f00:1]",
    "https://[::127.0.0.1]",
    "https://[::ffff:0:127.0.0.1]",
    "https://[64:ff9b::7f00:1]",
    "https://[64:ff9b:1::a9fe:a9fe]",
    "https://[2002:7f00:1::]",
    "https://[2002:a9fe:a9fe::1]",
    "https://[2a00:1450::5efe:10.0.0.1]",
    "https://[2a00:1450::200:5efe:169.254.169.254]",
  ],
  "special IPv4 ranges, first and last address": [
    "https://0.255.255.255",
    "https://10.0.0.0",
    "https://10.255.255.255",
    "https://100.64.0.0",
    "https://100.127.255.255",
    "https://169.254.169.254/latest/meta-data/",
    "https://172.16.0.0",
    "https://172.31.255.255",
    "https://192.0.0.255",
    "https://192.0.2.1",
    "https://192.88.99.1",
    "https://192.168.255.255",
    "https://198.18.0.0",
    "https://198.19.255.255",
    "https://198.51.100.1",
    "https://203.0.113.255",
    "https://224.0.0.1",
    "https://239.255.255.255",
    "https://240.0.0.1",
    "https://255.255.255.255",
  ],
  "special IPv6 ranges": [
    "https://[64:ff9b:1::808:808]",
    "https://[100::1]",
    "https://[2001::1]",
    "https://[2001:0:7f00:1::1]",
    "https://[2001:10::1]",
    "https://[2001:1ff::1]",
    "https://[2001:db8::1]",
    "https://[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]",
    "https://[3fff::1]",
    "https://[3fff:fff:ffff::1]",
    "https://[4000::1]",
    "https://[5f00::]",
    "https://[fc00::1]",
    "https://[fdff::1]",
    "https://[fe80::1]",
    "https://[fec0::1]",
    "https://[ff02::1]",
  ],
  "names known only locally": [
    "https://intranet",
    "https://intranet.",
    "https://printer.local",
    "https://metadata.google.internal",
    "https://METADATA.GOOGLE.INTERNAL.",
  ],
  "no https": ["http://example.com", "HTTP://example.com/hook"],
};

const never: Readonly<Record<string, readonly string[]>> = {
  "no http(s) URL": [
    "",
    "example.com",
    "//example.com",
    "/hook",
    "file:///etc/passwd",
    "ftp://example.com",
    "gopher://example.com",
    "data:text/plain,x",
    "javascript:alert(1)",
    "blob:https://example.com/1",
    "ws://example.com",
    "wss://example.com",
    "httpsx://example.com",
    "https:example.com",
    "https:/example.com",
    "https:///example.com",
    "https://",
    "https://?x",
    "https://exa mple.com",
    "https://[::1",
    "https://[fe80::1%25eth0]",
    "https://example.com:65536",
    "https://1.2.3.256",
  ],
  "user information": [
    "https://user@example.com",
    "https://user:password@example.com",
    "https://@example.com",
    "https://:@example.com",
    "https://example.com@127.0.0.1",
  ],
  "a fragment": ["https://example.com/#x", "https://example.com/#", "https://example.com#@127.0.0.1"],
  "white space, control characters or backslashes": [
    " https://example.com",
    "https://example.com\n",
    "https://example.com/a b",
    "https://exa\tmple.com",
    "https://example.com/\u0000",
    "https://example.com/\u0085",
    "https://example.com/\u00a0",
    "https://example.com/\u2028",
    "https://example.com/\ufeff",
    "https:\\\\example.com",
    "https://example.com\\@127.0.0.1",
    "https://example.com/\ud800",
  ],
  "too long": [`https://example.com/${"a".repeat(URL_MAX_CHARACTERS)}`],
};

describe("subscriber URL (API clause 5.8)", () => {
  describe.each(Object.entries(onlyPrivate))("%s: refused, unless private targets are allowed", (_, urls) => {
    it.each(urls)("%s", (url) => {
      expect(checkSubscriberUrl(url, false)).toMatchObject({ ok: false, error: { code: "invalid-url" } });
      expect(checkSubscriberUrl(url, true)).toEqual({ ok: true, value: url });
    });
  });

  describe.each(Object.entries(never))("%s: always refused", (_, urls) => {
    it.each(urls)("%j", (url) => {
      expect(accepts(url)).toBe(false);
      expect(accepts(url, true)).toBe(false);
    });
  });

  it.each([
    "https://example.com",
    "https://example.com.",
    "HTTPS://EXAMPLE.com:8443/Hook?token=%20x&y=@z",
    `https://example.com/${"a".repeat(URL_MAX_CHARACTERS - 20)}`,
    "https://xn--r8jz45g.jp/",
    "https://例え.jp/フック",
    "https://notlocalhost.com",
    "https://local.example.com",
    "https://internal.co",
    "https://1.1.1.1",
    "https://9.255.255.255",
    "https://11.0.0.0",
    "https://100.63.255.255",
    "https://100.128.0.0",
    "https://172.15.255.255",
    "https://172.32.0.0",
    "https://192.0.1.0",
    "https://198.17.255.255",
    "https://198.20.0.0",
    "https://223.255.255.255",
    "https://[2606:4700::1111]",
    "https://[2001:200::1]",
    "https://[2001:4860:4860::8888]",
    "https://[2002:808:808::1]",
    "https://[3ffe::1]",
    "https://[3fff:1000::1]",
  ])("accepts %s as given", (url) => {
    expect(checkSubscriberUrl(url, false)).toEqual({ ok: true, value: url });
  });

  it("never repeats the URL, which may hold a token", () => {
    const result = checkSubscriberUrl("https://user:hunter2@example.com/t0ken", false);
    expect(JSON.stringify(result)).not.toMatch(/hunter2|t0ken|example/);
  });

  it("refuses every IPv4 address of a private block however it is spelled", () => {
    const block = fc.constantFrom(10 * 2 ** 24, 127 * 2 ** 24, 224 * 2 ** 24);
    const address = fc.tuple(block, fc.nat(2 ** 24 - 1)).map(([first, rest]) => first + rest);
    const spelling = fc.constantFrom<(n: number) => string>(
      String,
      (n) => `0x${n.toString(16)}`,
      (n) => `0${n.toString(8)}`,
      (n) => `${n >>> 24}.${n % 2 ** 24}`,
      (n) => `[::ffff:${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}]`,
      (n) => `[64:ff9b::${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}]`,
      (n) => `[2002:${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}::1]`,
    );
    fc.assert(fc.property(address, spelling, (n, spell) => !accepts(`https://${spell(n)}/`)));
  });

  it("answers for any text at all", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.webUrl()), fc.boolean(), (text, allowPrivate) => {
        checkSubscriberUrl(text, allowPrivate);
      }),
    );
  });
});

describe("test data of the npm package ssrfcheck", () => {
  it.each(shouldNotPass)("refuses %j", (url) => {
    expect(accepts(url)).toBe(false);
    expect(accepts(url.replace(/^(https?:)?\/*/, "https://"))).toBe(false);
  });

  /** Stricter than that package on purpose; each is a rule of API clause 5.8 or of the address registries. */
  const stricter: Readonly<Record<string, (url: string) => boolean>> = {
    "a fragment": (url) => url.includes("#"),
    "white space": (url) => url.includes(" "),
    "a single-label name": (url) => /^https:\/\/\/*[^.:[\]]+(\/|$)/.test(url),
    "the local-use NAT64 prefix, whose layout only its network knows": (url) => url.includes("[64:ff9b:1:"),
  };

  it.each([...shouldPass, ...validAddresses])(
    "accepts %j over https, or refuses it by a documented stricter rule",
    (url) => {
      expect(accepts(url.startsWith("https://") ? `http${url.slice(5)}` : url)).toBe(false);
      const secure = url.replace(/^(https?:)?\/*/, "https://");
      const strict = Object.values(stricter).some((applies) => applies(secure));
      expect(accepts(secure)).toBe(!strict);
    },
  );
});
