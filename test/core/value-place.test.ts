import { describe, expect, it } from "vitest";
import { scalarAt } from "../../src/core/json-scalar.ts";
import { parseValuePlace } from "../../src/core/value-place.ts";

describe("where a value stands", () => {
  it.each([
    ["header:X-Event", { header: "x-event" }],
    ["", { path: [] }],
    ["/", { path: [""] }],
    ["/a/b", { path: ["a", "b"] }],
    ["/a~1b/~0~01/0", { path: ["a/b", "~~1", "0"] }],
    ["/ü 😀/%7E", { path: ["ü 😀", "%7E"] }],
  ])("%j", (text, place) => {
    expect(parseValuePlace(text)).toEqual(place);
  });

  it.each([
    ...["a", "a/b", "#/a", "/a~", "/~2", "/a~/b", "/\ud800", " /a", "$.a"],
    ...["header:", "header: x", "header:a b", "header:é", "Header:x", "header:a:b"],
    ...["header:authorization", "header:Cookie", "header:proxy-authorization", "header:X-Gitlab-Token"],
  ])("not %j", (text) => {
    expect(parseValuePlace(text)).toBeNull();
  });
});

/** The examples of RFC 6901, section 5, as far as they lead to a string or a number. */
it.each([
  ["/foo/0", "bar"],
  ["/", "0"],
  ["/a~1b", "1"],
  ["/c%d", "2"],
  ["/e^f", "3"],
  ["/g|h", "4"],
  ["/i\\j", "5"],
  ['/k"l', "6"],
  ["/ ", "7"],
  ["/m~0n", "8"],
  ["/foo", null],
  ["", null],
])("%j leads to %j", (text, value) => {
  const document = `{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\\\j": 5, "k\\"l": 6, " ": 7, "m~n": 8}`;
  const place = parseValuePlace(text);
  if (place === null || "header" in place) throw new Error("a pointer");
  expect(scalarAt(document, place.path)).toBe(value);
});
