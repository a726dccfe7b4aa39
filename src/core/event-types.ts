import { jsonPointer } from "./json-pointer.ts";
import { SCHEMA_PATTERNS_MAX, SCHEMAS_MAX_BYTES, SCHEMAS_PER_TOPIC_MAX } from "./limits.ts";
import { EVENT_TYPE_RULE, isEventType } from "./names.ts";
import { err, ok, type Result } from "./result.ts";
import { checkSchema, type SchemaFault, toJson } from "./schema-check.ts";
import { compileSchema, type SchemaValidator } from "./schema-validator.ts";

/** What a topic says of one type of its events. */
export interface EventType {
  /** As it was given. */
  readonly schema: unknown;
  /** enforce: what breaks the schema is refused. warn: it is counted, and passes. */
  readonly mode: "enforce" | "warn";
}

/** API clause 3.1 `types`: by the exact type of an event. */
export type EventTypes = Readonly<Record<string, EventType>>;

const MEMBERS: readonly string[] = ["schema", "mode"];

/** Reads the `types` of a topic, which stand at `base` of the body. Absent or null: none. */
export function parseEventTypes(value: unknown, base: string): Result<EventTypes, readonly SchemaFault[]> {
  if (value === undefined || value === null) return ok({});
  if (!isObject(value)) return err([{ pointer: base, detail: "must be an object: event types with schema and mode" }]);
  const entries = Object.entries(value);
  if (entries.length > SCHEMAS_PER_TOPIC_MAX)
    return err([{ pointer: base, detail: `must have ${SCHEMAS_PER_TOPIC_MAX} types or fewer` }]);
  if (new TextEncoder().encode(JSON.stringify(value)).byteLength > SCHEMAS_MAX_BYTES)
    return err([{ pointer: base, detail: `must have ${SCHEMAS_MAX_BYTES} bytes or fewer as JSON` }]);

  const faults: SchemaFault[] = [];
  const types: [string, EventType][] = [];
  let patterns = 0;
  for (const [name, part] of entries) {
    const read = parseEventType(name, part, jsonPointer([name], base));
    if (!read.ok) faults.push(...read.error);
    else {
      types.push([name, read.value.type]);
      patterns += read.value.patterns;
    }
  }
  if (patterns > SCHEMA_PATTERNS_MAX)
    faults.push({ pointer: base, detail: `must have ${SCHEMA_PATTERNS_MAX} regular expressions or fewer` });
  return faults.length > 0 ? err(faults) : ok(Object.fromEntries(types));
}

function parseEventType(
  name: string,
  value: unknown,
  pointer: string,
): Result<{ type: EventType; patterns: number }, readonly SchemaFault[]> {
  if (!isEventType(name)) return err([{ pointer, detail: `is not an event type, which ${EVENT_TYPE_RULE}` }]);
  if (!isObject(value)) return err([{ pointer, detail: "must be an object with schema and mode" }]);
  const faults: SchemaFault[] = Object.keys(value)
    .filter((member) => !MEMBERS.includes(member))
    .map((member) => ({ pointer: jsonPointer([member], pointer), detail: "is not known here" }));
  const { mode } = value;
  const known = mode === "enforce" || mode === "warn";
  if (!known) faults.push({ pointer: `${pointer}/mode`, detail: "must be enforce or warn" });
  if (!Object.hasOwn(value, "schema")) return err([...faults, { pointer: `${pointer}/schema`, detail: "is missing" }]);
  const checked = checkSchema(value.schema, `${pointer}/schema`);
  if (!checked.ok) return err([...faults, ...checked.error]);
  if (faults.length > 0 || !known) return err(faults);
  return ok({ type: { schema: toJson(value.schema), mode }, patterns: checked.value.patterns });
}

export interface CompiledType {
  readonly mode: EventType["mode"];
  readonly validate: SchemaValidator;
}

/** The types that parseEventTypes accepted, ready to judge events. Throws for others. */
export async function compileEventTypes(types: EventTypes): Promise<ReadonlyMap<string, CompiledType>> {
  const compiled = new Map<string, CompiledType>();
  for (const [name, { schema, mode }] of Object.entries(types)) {
    const checked = checkSchema(schema, "#");
    if (!checked.ok) throw new Error(`the stored schema of ${name} is not one`);
    compiled.set(name, { mode, validate: await compileSchema(checked.value.schema) });
  }
  return compiled;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
