import { type Problem, problem } from "../core/errors.ts";
import type { AppendRequest } from "../core/event.ts";
import { type CompiledType, compileEventTypes, type EventTypes } from "../core/event-types.ts";
import { jsonPointer } from "../core/json-pointer.ts";
import { SCHEMA_ERRORS_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { newWork, type Work } from "../core/schema-work.ts";
import { parsedData } from "./parsed-data.ts";
import type { TypesDescription } from "./rpc.ts";
import type { LogState } from "./state.ts";
import type { LogRow, TopicLogStore } from "./store.ts";

type Event = AppendRequest["events"][number];
type Fault = NonNullable<Problem["errors"]>[number];

const NONE: ReadonlyMap<string, CompiledType> = new Map();

/**
 * Judges events by the schemas of their types, here, where the types are and their events come by: what was set before a
 * request came is in force for it, whichever way it came. Compiled once for each version of the settings.
 */
export class Schemas {
  readonly #state: LogState;
  readonly #store: TopicLogStore;
  /** The settings that `#compiled` is, or will be, of. */
  #seen: LogRow | null = null;
  #text = "{}";
  #compiled = NONE;
  #compiling: Promise<void> | null = null;

  constructor(state: LogState, store: TopicLogStore) {
    this.#state = state;
    this.#store = store;
  }

  describe({ types }: LogRow): TypesDescription {
    return { types, warnings: this.#store.warnings() };
  }

  /** Counts belong to a schema and its mode: with another they begin anew. */
  forgetWarnings(before: EventTypes, after: EventTypes): void {
    for (const [type, one] of Object.entries(before)) {
      if (JSON.stringify(one) !== JSON.stringify(after[type])) this.#store.deleteWarnings(type);
    }
  }

  /** Until the schemas of the present settings are compiled; null when they are. To be waited for before an append. */
  compiling(): Promise<void> | null {
    const { live } = this.#state;
    if (live !== this.#seen) this.#see(live);
    return this.#compiling;
  }

  #see(log: LogRow | null): void {
    this.#seen = log;
    const text = JSON.stringify(log?.types ?? {});
    if (text === this.#text) return;
    this.#text = text;
    const compiling = compileEventTypes(log?.types ?? {}).then(
      (compiled) => {
        if (this.#compiling === compiling) this.#take(compiled);
      },
      (thrown: unknown) => {
        // The next append tries again, instead of passing what cannot be judged.
        if (this.#compiling === compiling) this.#forget();
        throw thrown;
      },
    );
    this.#compiling = compiling;
  }

  #take(compiled: ReadonlyMap<string, CompiledType>): void {
    this.#compiled = compiled;
    this.#compiling = null;
  }

  #forget(): void {
    this.#seen = null;
    this.#text = "";
    this.#compiling = null;
  }

  /** The types of those events that broke theirs and pass; or the refusal of the whole request. */
  judge(request: AppendRequest, isNew: (index: number) => boolean): Result<readonly string[], Problem> {
    if (this.#compiled.size === 0) return ok([]);
    const work = newWork();
    const warned: string[] = [];
    const faults: Fault[] = [];
    for (const [index, event] of request.events.entries()) {
      const type = isNew(index) ? this.#compiled.get(event.type) : undefined;
      if (type === undefined) continue;
      const found = violationsOf(event, type, request.dataPointer ?? `#/${index}/data`, work);
      if (found.length > 0 && type.mode === "warn") warned.push(event.type);
      else faults.push(...found);
      if (faults.length >= SCHEMA_ERRORS_MAX) break;
    }
    return faults.length === 0 ? ok(warned) : err(refusal(faults));
  }
}

function violationsOf(event: Event, { validate }: CompiledType, pointer: string, work: Work): readonly Fault[] {
  const data = parsedData(event);
  if (data === undefined) return [{ pointer, detail: `is not JSON, which the schema of ${event.type} is for` }];
  return validate(data, work).map(({ path, detail }) => ({
    pointer: jsonPointer(path, pointer),
    detail: `${detail} of ${event.type}`,
  }));
}

function refusal(faults: readonly Fault[]): Problem {
  const [first] = faults;
  const detail = first === undefined ? "" : `${first.pointer} ${first.detail}.`;
  return problem("invalid", detail, { errors: faults.slice(0, SCHEMA_ERRORS_MAX) });
}
