import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { indented, rawElements, rawMember } from "../../src/dashboard/raw-json.ts";
import { formatSeconds, formatTime, shortened, visible } from "../../src/dashboard/text.ts";

/** JSON texts as people and libraries write them: with and without white space. */
const jsonText = fc
  .tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"))
  .map(([value, space]) => JSON.stringify(value, null, space));
const withoutSpace = (json: string) =>
  json.replace(/"(?:[^"\\]|\\.)*"|\s+/gs, (part) => (part.startsWith('"') ? part : ""));

describe("raw JSON", () => {
  it("gives a member's text as it was sent", () => {
    const text =
      '{"id":"evt_1", "data" : {"n": 9007199254740993, "x":1.0, "s":"\\ud800,}\\"", "b":1,"a":2} ,"next":null}';
    expect(rawMember(text, "data")).toBe('{"n": 9007199254740993, "x":1.0, "s":"\\ud800,}\\"", "b":1,"a":2}');
    expect(rawMember(text, "next")).toBe("null");
    expect(rawMember(text, "n")).toBeNull();
    expect(rawMember('{"\\u0064ata":1}', "data")).toBe("1");
  });

  it("finds every member and element of any document", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), jsonText), (members) => {
        const text = `{${Object.entries(members)
          .map(([name, value]) => `${JSON.stringify(name)}: ${value}`)
          .join(" ,")}}`;
        for (const [name, value] of Object.entries(members)) expect(rawMember(text, name)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.array(jsonText), (elements) => {
        expect(rawElements(` [${elements.join(", ")}]`)).toEqual(elements);
      }),
    );
  });

  it("indents without changing a token", () => {
    expect(indented('{"a":[1.0,{}, []],"b":"x: {y}"}')).toBe(
      '{\n  "a": [\n    1.0,\n    {},\n    []\n  ],\n  "b": "x: {y}"\n}',
    );
    fc.assert(fc.property(jsonText, (text) => withoutSpace(indented(text)) === withoutSpace(text)));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => indented(JSON.stringify(value)) === JSON.stringify(value, null, 2)),
    );
  });
});

describe("texts from outside", () => {
  it("have no character left that could deceive", () => {
    expect(visible("a\u202eb\u0000\u001b[31m\u2028c")).toBe("a⟦U+202E⟧b⟦U+0000⟧⟦U+001B⟧[31m⟦U+2028⟧c");
    expect(visible("line\n\ttab é 漢 \u{1f468}\u200d\u{1f469}")).toBe("line\n\ttab é 漢 \u{1f468}\u200d\u{1f469}");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => !/[\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(visible(text))),
    );
  });

  it("are cut between characters", () => {
    expect(shortened("abc", 3)).toBe("abc");
    expect(shortened("abcd", 3)).toBe("abc…");
    expect(shortened("ab\u{1f600}d", 3)).toBe("ab…");
  });
});

describe("times", () => {
  it("show the date unless it is today's", () => {
    const time = new Date(2026, 10, 23, 9, 5, 7, 40);
    expect(formatTime(time.toISOString(), time)).toBe("09:05:07.040");
    expect(formatTime(time.toISOString(), new Date(2026, 10, 24, 1))).toBe("2026-11-23 09:05:07.040");
  });

  it("are said in their largest whole unit", () => {
    expect([0.5, 45, 60, 90, 3600, 7200, 86_400].map(formatSeconds)).toEqual([
      "0.5 s",
      "45 s",
      "1 min",
      "90 s",
      "1 h",
      "2 h",
      "1 d",
    ]);
  });
});
