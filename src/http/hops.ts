import { type Problem, problem } from "../core/errors.ts";
import { HOPS_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { parseCount } from "./query.ts";

/** How many gateways an event has passed, by its header `sluice-hops`; `loop` (508) from HOPS_MAX on. */
export function readHops(headers: Headers): Result<number, Problem> {
  const text = headers.get("sluice-hops");
  const passed = text === null ? 0 : parseCount(text);
  if (passed === null) return err(problem("invalid", "The header sluice-hops must be a whole number."));
  if (passed < HOPS_MAX) return ok(passed);
  return err(problem("loop", `This event has passed ${passed} gateways. Find the subscription that sends it round.`));
}
