import type { Problem } from "../core/errors.ts";
import type { Result } from "../core/result.ts";
import { readOptionalJson } from "./body.ts";
import { members, validate } from "./validate.ts";

const Nothing = members({});

/** For actions that take no parameters: no body, or `{}`. Anything else was meant to have an effect, so it is refused. */
export async function requireNoDocument(request: Request): Promise<Result<object, Problem>> {
  const body = await readOptionalJson(request);
  return body.ok ? validate(Nothing, body.value) : body;
}
