// A CloudEvent's type may be any characters but controls, so a pattern may name any; a `*` elsewhere than at its end
// would look like a wildcard and match nothing, so it is refused.
const PATTERN = /^(?:\*|[^\p{Cc}\p{Cs}*]{1,256}|[^\p{Cc}\p{Cs}*]{1,254}\.\*)$/u;

export const TYPE_PATTERN_RULE = "must be an event type, a beginning followed by '.*' (such as 'order.*'), or '*'";

/** Whether this is a type pattern: an exact type, `order.*` (every type beginning `order.`), or `*` (every type). */
export const isTypePattern = (pattern: string): boolean => PATTERN.test(pattern);

/** Whether a type matches at least one of the patterns; none at all match every type. */
export function compileTypePatterns(patterns: readonly string[]): (type: string) => boolean {
  if (patterns.length === 0 || patterns.includes("*")) return () => true;
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith(".*")));
  const beginnings = patterns.filter((pattern) => pattern.endsWith(".*")).map((pattern) => pattern.slice(0, -1));
  return (type) => exact.has(type) || beginnings.some((beginning) => type.startsWith(beginning));
}
