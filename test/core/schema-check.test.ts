import { describe, expect, it } from "vitest";
import { SCHEMA_MAX_BYTES, SCHEMA_MAX_DEPTH } from "../../src/core/limits.ts";
import { checkSchema, SCHEMA_DIALECT } from "../../src/core/schema-check.ts";

const nested = (levels: number): unknown => (levels === 0 ? {} : { not: nested(levels - 1) });

describe("a schema is accepted", () => {
  it.each<[schema: unknown]>([
    [true],
    [false],
    [{}],
    [{ $schema: SCHEMA_DIALECT }],
    [{ $id: "https://example.com/order", $ref: "#/$defs/a", $defs: { a: true } }],
    [{ $id: "https://example.com/order", items: { $ref: "https://example.com/order#/$defs/a" }, $defs: { a: {} } }],
    [{ $ref: "#/definitions/a~1b", definitions: { "a/b": {} } }],
    [{ $ref: "#/%24defs/a%20b", $defs: { "a b": {} } }],
    [{ $ref: "#here", $defs: { a: { $anchor: "here" } } }],
    [{ $dynamicRef: "#node", $dynamicAnchor: "node" }],
    [{ properties: { child: { $ref: "#" }, $ref: { type: "string" }, __proto__x: {}, constructor: {} } }],
    [{ const: { type: 5 }, enum: [], title: 5, format: 7, "x-mine": { $ref: "nowhere" }, nullable: true }],
    [{ pattern: "^\\p{Letter}+(?:-\\d{2,5})?$", patternProperties: { "^x-": {} } }],
    [nested(SCHEMA_MAX_DEPTH - 1)],
  ])("%j", (schema) => {
    expect(checkSchema(schema, "#")).toMatchObject({ ok: true });
  });
});

describe("a schema is refused, with the place", () => {
  it.each<[schema: unknown, pointer: string, detail: RegExp]>([
    [5, "#/s", /object, true or false/],
    [null, "#/s", /object, true or false/],
    [[], "#/s", /object, true or false/],
    [{ $schema: "http://json-schema.org/draft-07/schema#" }, "#/s/$schema", /2020-12/],
    [{ $defs: { a: { $schema: SCHEMA_DIALECT } } }, "#/s/$defs/a/$schema", /root/],
    [{ $id: 5 }, "#/s/$id", /URI/],
    [{ $defs: { a: { $id: "https://example.com/a" } } }, "#/s/$defs/a/$id", /root/],
    [{ $vocabulary: {} }, "#/s/$vocabulary", /dialect/],
    [{ type: "text" }, "#/s/type", /type/],
    [{ type: [] }, "#/s/type", /type/],
    [{ type: ["string", "string"] }, "#/s/type", /type/],
    [{ minimum: "1" }, "#/s/minimum", /number/],
    [{ multipleOf: 0 }, "#/s/multipleOf", /above 0/],
    [{ maxLength: -1 }, "#/s/maxLength", /whole/],
    [{ maxLength: 1.5 }, "#/s/maxLength", /whole/],
    [{ uniqueItems: "yes" }, "#/s/uniqueItems", /true or false/],
    [{ required: "a" }, "#/s/required", /list/],
    [{ required: ["a", "a"] }, "#/s/required", /different/],
    [{ dependentRequired: { a: "b" } }, "#/s/dependentRequired", /lists/],
    [{ enum: "a" }, "#/s/enum", /list/],
    [{ items: [{}] }, "#/s/items", /schema/],
    [{ prefixItems: {} }, "#/s/prefixItems", /list/],
    [{ anyOf: [] }, "#/s/anyOf", /at least one/],
    [{ anyOf: [{}, 5] }, "#/s/anyOf/1", /schema/],
    [{ properties: [] }, "#/s/properties", /object/],
    [{ properties: { a: "string" } }, "#/s/properties/a", /schema/],
    [{ properties: { "a/b": { minimum: "x" } } }, "#/s/properties/a~1b/minimum", /number/],
    [{ $ref: "https://example.com/other" }, "#/s/$ref", /not fetched/],
    [{ $ref: SCHEMA_DIALECT }, "#/s/$ref", /not fetched/],
    [{ $ref: "other.json" }, "#/s/$ref", /not fetched/],
    [{ $ref: "#/$defs/b", $defs: { a: {} } }, "#/s/$ref", /must lead/],
    [{ $ref: "#/properties", properties: {} }, "#/s/$ref", /must lead/],
    [{ $ref: "#/title", title: {} }, "#/s/$ref", /must lead/],
    [{ $ref: "#nowhere" }, "#/s/$ref", /must lead/],
    [{ $dynamicRef: "#nowhere" }, "#/s/$dynamicRef", /must lead/],
    [{ $ref: "#/%zz" }, "#/s/$ref", /must lead/],
    [{ $ref: 5 }, "#/s/$ref", /string/],
    [{ $anchor: "5" }, "#/s/$anchor", /name/],
    [{ $anchor: "a", not: { $anchor: "a" } }, "#/s/not/$anchor", /two places/],
    [{ const: { $ref: "#" } }, "#/s/const/$ref", /keyword/],
    [{ enum: [[{ $id: "x" }]] }, "#/s/enum/0/0/$id", /keyword/],
    [{ pattern: "(" }, "#/s/pattern", /regular expression/],
    [{ pattern: 5 }, "#/s/pattern", /string/],
    [{ pattern: "(a)\\1" }, "#/s/pattern", /back references/],
    [{ pattern: "(?=a)" }, "#/s/pattern", /look-around/],
    [{ pattern: "(?:a{1,1000}){2}" }, "#/s/pattern", /regular expression/],
    [{ pattern: "[ab]{1000}[cd]{1000}" }, "#/s/pattern", /regular expression/],
    [{ pattern: "a".repeat(1025) }, "#/s/pattern", /1024/],
    [{ patternProperties: { "[": {} } }, "#/s/patternProperties/%5B", /regular expression/],
    [nested(SCHEMA_MAX_DEPTH), "#/s", /nested/],
    [{ title: "x".repeat(SCHEMA_MAX_BYTES) }, "#/s", /bytes/],
  ])("%#: %j", (schema, pointer, detail) => {
    const checked = checkSchema(schema, "#/s");
    expect(checked.ok ? [] : checked.error).toEqual([{ pointer, detail: expect.stringMatching(detail) }]);
  });
});

it("keeps what asserts something, and nothing else", () => {
  const schema = {
    $id: "https://example.com/a",
    title: "A",
    format: "email",
    $ref: "https://example.com/a#",
    not: true,
  };
  expect(checkSchema(schema, "#")).toEqual({ ok: true, value: { schema: { $ref: "#", not: true }, patterns: 0 } });
});
