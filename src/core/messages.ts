import * as v from "valibot";

/**
 * The messages of both queues, as they come out of them. A message outlives a deployment, so each carries a version,
 * and what this code does not know is refused instead of guessed at.
 */

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const objectPart = v.pipe(v.string(), v.nonEmpty(), v.regex(/^[^/]+$/));

const attemptError = v.object({
  code: v.picklist(["timeout", "dns", "connection", "tls", "reset", "status", "redirect", "denied", "response"]),
  message: v.string(),
});

export const deadLetterSchema = v.object({
  eventId: v.string(),
  topic: v.string(),
  partition: count,
  offset: count,
  type: v.string(),
  key: v.nullable(v.string()),
  subscription: v.string(),
  url: v.string(),
  reason: v.picklist(["exhausted", "aborted", "expired"]),
  attempts: count,
  deadAt: count,
  lastAttempt: v.nullable(
    v.object({
      startedAt: count,
      statusCode: v.nullable(v.number()),
      error: v.nullable(attemptError),
    }),
  ),
});

const deadLetterMessageSchema = v.object({
  version: v.literal(1),
  tenant: objectPart,
  subscription: objectPart,
  name: v.optional(v.string()),
  outbox: count,
  action: v.picklist(["add", "remove"]),
  letter: deadLetterSchema,
});

const retryMessageSchema = v.object({
  version: v.literal(1),
  /** Object name `<tenant>/<id>`. */
  subscription: v.pipe(v.string(), v.regex(/^[^/]+\/[^/]+$/)),
});

export type ParsedDeadLetterMessage = v.InferOutput<typeof deadLetterMessageSchema>;
export type ParsedRetryMessage = v.InferOutput<typeof retryMessageSchema>;

/** null for what this code cannot read: not such a message, or one of a newer version. */
export function parseDeadLetterMessage(body: unknown): ParsedDeadLetterMessage | null {
  const parsed = v.safeParse(deadLetterMessageSchema, body);
  return parsed.success ? parsed.output : null;
}

/** null for what this code cannot read: not such a message, or one of a newer version. */
export function parseRetryMessage(body: unknown): ParsedRetryMessage | null {
  const parsed = v.safeParse(retryMessageSchema, body);
  return parsed.success ? parsed.output : null;
}
