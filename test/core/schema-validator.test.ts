import { describe, expect, it, vi } from "vitest";
import { SCHEMA_ERRORS_MAX, SCHEMA_VALUES_MAX } from "../../src/core/limits.ts";
import { checkSchema } from "../../src/core/schema-check.ts";
import { compileSchema, type Violation } from "../../src/core/schema-validator.ts";
import { newWork } from "../../src/core/schema-work.ts";

async function violationsOf(schema: unknown, data: unknown): Promise<readonly Violation[]> {
  const checked = checkSchema(schema, "#");
  if (!checked.ok) throw new Error(JSON.stringify(checked.error));
  return (await compileSchema(checked.value.schema))(data, newWork());
}

const parse = (text: string): unknown => JSON.parse(text);

const LIST = {
  $ref: "#/$defs/node",
  $defs: { node: { properties: { next: { $ref: "#/$defs/node" }, n: { minimum: 0 } } } },
};
const CLOSED = { properties: { a: {} }, additionalProperties: false };
const UNEVALUATED = { anyOf: [{ properties: { a: {} } }, { properties: { b: {} } }], unevaluatedProperties: false };
// Written as text: an object with a `then` is taken for a promise.
const CONDITIONAL = parse('{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}');
const TREE = {
  $dynamicAnchor: "node",
  $defs: { strict: { $dynamicAnchor: "other", type: "string" } },
  properties: { children: { items: { $dynamicRef: "#node" } } },
  required: ["name"],
};

describe("an instance", () => {
  it.each<[schema: unknown, data: unknown, valid: boolean]>([
    [true, null, true],
    [false, null, false],
    [{ type: "integer" }, 1.0, true],
    [{ type: "integer" }, 1.5, false],
    [{ type: ["string", "null"] }, null, true],
    [{ multipleOf: 0.01 }, 19.99, true],
    [{ exclusiveMinimum: 0 }, 0, false],
    [{ minLength: 2 }, "💩", false],
    [{ maxLength: 1 }, "💩", true],
    [{ const: { a: 1, b: [true] } }, { b: [true], a: 1 }, true],
    [{ const: 0 }, false, false],
    [{ enum: ["a", null] }, null, true],
    [{ enum: ["a", null] }, "b", false],
    [{ uniqueItems: true }, [1, true, "1", [1]], true],
    [
      { uniqueItems: true },
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      false,
    ],
    [{ prefixItems: [{ type: "number" }], items: false }, [1], true],
    [{ prefixItems: [{ type: "number" }], items: false }, [1, 2], false],
    [{ contains: { const: 1 }, maxContains: 1 }, [1, 1], false],
    [{ contains: { const: 1 }, minContains: 0 }, [], true],
    [{ required: ["constructor"] }, {}, false],
    [{ properties: { a: { type: "string" } } }, parse('{"constructor":1,"__proto__":1}'), true],
    [{ properties: parse('{"__proto__":{"type":"string"}}') }, parse('{"__proto__":1}'), false],
    [CLOSED, {}, true],
    [CLOSED, { a: 1 }, true],
    [CLOSED, { constructor: 1 }, false],
    [{ ...CLOSED, patternProperties: { "^x-": { type: "number" } } }, { "x-1": 1, a: 1 }, true],
    [{ ...CLOSED, patternProperties: { "^x-": { type: "number" } } }, { "x-1": "1" }, false],
    [{ ...CLOSED, patternProperties: { "^x-": { type: "number" } } }, { y: 1 }, false],
    [UNEVALUATED, { a: 1, b: 1 }, true],
    [UNEVALUATED, { a: 1, c: 1 }, false],
    [{ patternProperties: { "^x": true }, unevaluatedProperties: false }, { x: 1 }, true],
    [{ additionalProperties: { type: "number" }, unevaluatedProperties: false }, { x: 1 }, true],
    [{ prefixItems: [true], unevaluatedItems: false }, [1, 2], false],
    [{ dependentRequired: { a: ["b"] } }, { a: 1 }, false],
    [{ dependentSchemas: { a: { minProperties: 2 } } }, { a: 1 }, false],
    [{ propertyNames: { maxLength: 1 } }, { ab: 1 }, false],
    [CONDITIONAL, { a: 1 }, false],
    [CONDITIONAL, { c: 1 }, true],
    [{ oneOf: [{ minimum: 0 }, { minimum: 1 }] }, 2, false],
    [{ not: { type: "string" } }, "a", false],
    [{ format: "email" }, "nobody", true],
    [{ pattern: "^\\d{3}$" }, "123", true],
    [{ pattern: "b" }, "abc", true],
    [{ pattern: "^\\p{Letter}+$" }, "é", true],
    [{ pattern: "^\\\\p{Letter}$" }, "\\p{Letter}", true],
    [{ pattern: "^.$" }, "💩", true],
    [LIST, { next: { next: { n: 0 } } }, true],
    [LIST, { next: { next: { n: -1 } } }, false],
    [TREE, { name: "a", children: [{ name: "b" }] }, true],
    [TREE, { name: "a", children: [{}] }, false],
  ])("%#: of %j, %j is valid: %j", async (schema, data, valid) => {
    expect((await violationsOf(schema, data)).length === 0).toBe(valid);
  });
});

describe("a violation", () => {
  it("names the place in the data and the rule in the schema, and no value", async () => {
    const schema = {
      properties: { "a/b": { items: { $ref: "#/$defs/n" } }, secret: { const: "s3cr3t-of-the-schema" } },
      $defs: { n: { type: "number" } },
      additionalProperties: false,
    };
    const found = await violationsOf(schema, { "a/b": [1, "s3cr3t"], secret: "s3cr3t", c: 1 });
    expect(found).toEqual([
      { path: ["a/b", "1"], detail: "breaks the rule `type` at #/$defs/n/type of the schema" },
      { path: ["secret"], detail: "breaks the rule `const` at #/properties/secret/const of the schema" },
      { path: ["c"], detail: "is not allowed by `false` at #/additionalProperties of the schema" },
    ]);
    expect(JSON.stringify(found)).not.toContain("s3cr3t");
  });

  it("says which member is missing, wherever it is wanted", async () => {
    const schema = { required: ["a"], properties: { a: { required: ["b", "toString", "c/d"] } } };
    expect(await violationsOf(schema, {})).toEqual([
      { path: [], detail: 'has no member "a", and so breaks the rule `required` at #/required of the schema' },
    ]);
    expect(await violationsOf(schema, { a: { b: 1 } })).toEqual([
      {
        path: ["a"],
        detail: 'has no member "toString", and so breaks the rule `required` at #/properties/a/required of the schema',
      },
    ]);
  });

  it("is one of the first, however many there are", async () => {
    const schema = { items: { type: "string" } };
    expect(
      await violationsOf(
        schema,
        Array.from({ length: 1000 }, () => 1),
      ),
    ).toHaveLength(SCHEMA_ERRORS_MAX);
  });
});

describe("work has an end", () => {
  const doubling = (levels: number) => ({
    $defs: Object.fromEntries(
      Array.from({ length: levels }, (_, level) => {
        const below = { $ref: `#/$defs/b${level - 1}` };
        return [`b${level}`, level === 0 ? { type: "string" } : { allOf: [below, below] }];
      }),
    ),
    $ref: `#/$defs/b${levels - 1}`,
  });
  const tooMuch = [{ path: [], detail: "takes too much work to be checked by the schema" }];

  it.each<[schema: unknown, data: unknown]>([
    [{ $ref: "#" }, 1],
    [{ $defs: { a: { anyOf: [{ $ref: "#/$defs/a" }] } }, $ref: "#/$defs/a" }, 1],
    [doubling(30), "a"],
    [{ pattern: "[ab]*a[ab]{500}" }, "ab".repeat(400_000)],
  ])("%#", async (schema, data) => {
    expect(await violationsOf(schema, data)).toEqual(tooMuch);
  });

  it("also where a regular expression would try every way", async () => {
    const text = `${"a".repeat(100_000)}!`;
    expect(await violationsOf({ pattern: "^(?:a+)+$" }, text)).toHaveLength(1);
    expect(await violationsOf({ patternProperties: { "^(?:a|a)*$": false } }, { [text]: 1 })).toEqual([]);
  });

  it("and where data has very many values", async () => {
    const many = Array.from({ length: SCHEMA_VALUES_MAX }, () => 1);
    expect(await violationsOf({}, many)).toHaveLength(1);
    expect(await violationsOf({ uniqueItems: false }, many.slice(1))).toEqual([]);
  });

  it("and is that of a request, not of an event", async () => {
    const validate = await compileSchema({ items: { type: "number" } });
    const work = newWork();
    const data = Array.from({ length: 90_000 }, () => 1);
    const outcomes = Array.from({ length: 30 }, () => validate(data, work).length);
    expect(outcomes[0]).toBe(0);
    expect(outcomes.at(-1)).toBe(1);
  });
});

it("fetches nothing, also not for a schema that was not checked", async () => {
  const fetched = vi.spyOn(globalThis, "fetch");
  await expect(compileSchema({ $ref: "https://example.com/other" })).rejects.toThrow();
  await expect(compileSchema({ $ref: "file:///etc/passwd" })).rejects.toThrow();
  expect(fetched).not.toHaveBeenCalled();
});

it("schemas of one name know nothing of each other", async () => {
  const one = await compileSchema({ $ref: "#/$defs/a", $defs: { a: { type: "string" } } });
  const other = await compileSchema({ $ref: "#/$defs/a", $defs: { a: { type: "number" } } });
  expect([one("a", newWork()), other(1, newWork())]).toEqual([[], []]);
});
