import fc from "fast-check";
import { type Filter, type FilterInput, parseFilter } from "../../src/core/filter.ts";

/** Few names and values, so that random filters and random events often have something to do with each other. */
const name = fc.constantFrom("a", "b", "constructor", "__proto__");
const scalar = fc.constantFrom<(string | number | boolean | null)[]>(
  0,
  1,
  2,
  -0.5,
  "",
  "x",
  "xy",
  "y",
  true,
  false,
  null,
);
const ordered = fc.constantFrom<(string | number)[]>(0, 1, 2, "", "x", "y");

const objectOf = <T>(value: fc.Arbitrary<T>) =>
  // From entries: `__proto__` is then a member like any other.
  fc.array(fc.tuple(name, value), { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as Record<string, T>);

export const aValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: "value" },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    objectOf(tie("value")),
  ),
})).value;

const { pattern } = fc.letrec<{ pattern: unknown; operators: unknown }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4, depthIdentifier: "pattern" },
    scalar,
    tie("operators"),
    objectOf(tie("pattern")),
    fc.array(tie("pattern"), { maxLength: 2 }),
    fc.tuple(tie("operators"), objectOf(tie("pattern"))).map(([left, right]) => ({ ...Object(left), ...right })),
  ),
  operators: fc.oneof(
    { maxDepth: 4, depthIdentifier: "pattern" },
    fc.record(
      {
        $eq: aValue,
        $ne: aValue,
        $neq: scalar,
        $gt: ordered,
        $gte: ordered,
        $lt: ordered,
        $lte: ordered,
        $in: fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })),
        $nin: fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })),
        $exist: fc.boolean(),
        $startsWith: fc.constantFrom<(string | string[])[]>("", "x", "y", ["x", "y"], []),
        $endsWith: fc.constantFrom<(string | string[])[]>("", "y", ["x", "y"]),
      },
      { requiredKeys: [] },
    ),
    fc.record({ $or: fc.array(tie("pattern"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ $and: fc.array(tie("pattern"), { minLength: 1, maxLength: 2 }) }),
    fc.record({ $not: tie("pattern") }),
  ),
}));

const type = fc.constantFrom("order", "order.paid", "order.paid.late", "invoice.sent", "x");
const typePattern = fc.constantFrom("order", "order.*", "order.paid.*", "order.paid", "invoice.*", "*");
const text = fc.constantFrom("x", "xy", "y");

const atRoot = fc.record(
  { type: pattern, key: pattern, source: pattern, subject: pattern, data: pattern },
  { requiredKeys: [] },
);

const match = fc.oneof(
  { weight: 4, arbitrary: fc.record({ data: pattern }) },
  { weight: 2, arbitrary: atRoot },
  { weight: 1, arbitrary: fc.record({ $or: fc.array(atRoot, { minLength: 1, maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.tuple(atRoot, atRoot).map(([all, none]) => ({ ...all, $not: none })) },
);

/** A filter as a user sends it. */
export const aFilterDocument = fc
  .record({ types: fc.array(typePattern, { maxLength: 3 }), match }, { requiredKeys: [] })
  .filter((document) => parseFilter(document).ok);

export const aFilter: fc.Arbitrary<Filter> = aFilterDocument.map((document) => {
  const parsed = parseFilter(document);
  if (!parsed.ok) throw new Error("it was filtered");
  return parsed.value;
});

export const anEvent: fc.Arbitrary<FilterInput> = fc
  .record({
    type,
    key: fc.option(text),
    source: fc.option(text),
    subject: fc.option(text),
    data: fc.oneof({ weight: 9, arbitrary: aValue }, { weight: 1, arbitrary: fc.constant(undefined) }),
  })
  .map(({ data, ...event }) => ({ ...event, data: () => data }));
