import { type Problem, problem } from "./errors.ts";
import { IDEMPOTENCY_KEY_MAX_CHARACTERS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

const TOPIC = /^[a-z0-9][a-z0-9._-]{0,127}$/;
const TENANT = /^[a-z0-9][a-z0-9-]{0,62}$/;
const EVENT_TYPE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/;
const RESOURCE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const SUBSCRIPTION_ID = /^sub_[0-9a-hjkmnp-tv-z]{26}$/;
/** In any case: a name that differs from an id by case alone would be mistaken for it by people. */
const LIKE_AN_ID = /^sub_[0-9a-z]{26}$/i;
const SOURCE_ID = /^src_[0-9a-hjkmnp-tv-z]{26}$/;
const LIKE_A_SOURCE_ID = /^src_[0-9a-z]{26}$/i;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** The tenant of a key for all tenants that names none. */
export const DEFAULT_TENANT = "default";

/** Topics beginning with this are the gateway's own (`sluice.events`). */
const GATEWAY_TOPIC_PREFIX = "sluice.";

/**
 * A topic name. `gatewayTopics` says whether `sluice.*` may be used: reading and subscribing may, publishing to it,
 * creating or deleting it may not. Otherwise `invalid-topic` (422).
 */
export function parseTopicName(name: string, gatewayTopics: "allowed" | "refused"): Result<string, Problem> {
  if (!TOPIC.test(name) || name.includes("..") || name.endsWith(".")) {
    return err(
      problem(
        "invalid-topic",
        "The name of a topic must be 1 to 128 of a-z, 0-9, '.', '_' and '-', begin with a letter or digit, not end in '.' and have no '..'.",
      ),
    );
  }
  if (gatewayTopics === "refused" && name.startsWith(GATEWAY_TOPIC_PREFIX)) {
    return err(
      problem(
        "invalid-topic",
        `Topics beginning with '${GATEWAY_TOPIC_PREFIX}' are the gateway's own. Choose another name.`,
      ),
    );
  }
  return ok(name);
}

export function parseTenant(name: string): Result<string, Problem> {
  return TENANT.test(name)
    ? ok(name)
    : err(
        problem(
          "invalid",
          "The name of a tenant must be 1 to 63 of a-z, 0-9 and '-', and begin with a letter or digit.",
        ),
      );
}

/** The rules as the end of a sentence, for errors that point to what they are about. */
export const EVENT_TYPE_RULE = "must be 1 to 256 of A-Z, a-z, 0-9, '.', '_' and '-', and begin with a letter or digit";

/** The type of an event in the JSON forms (a CloudEvent's may have other characters). */
export const isEventType = (type: string): boolean => EVENT_TYPE.test(type);

export const SUBSCRIPTION_NAME_RULE =
  "must be 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', begin with a letter or digit, and not look like an id (sub_ and 26 characters)";

/** Names stand wherever ids do, so one may not look like the other. */
export const isSubscriptionName = (name: string): boolean => RESOURCE_NAME.test(name) && !LIKE_AN_ID.test(name);

export function parseSubscriptionName(name: string): Result<string, Problem> {
  return isSubscriptionName(name)
    ? ok(name)
    : err(problem("invalid", `The name of a subscription ${SUBSCRIPTION_NAME_RULE}.`));
}

export const isSubscriptionId = (id: string): boolean => SUBSCRIPTION_ID.test(id);

export const SOURCE_NAME_RULE =
  "must be 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', begin with a letter or digit, and not look like an id (src_ and 26 characters)";

export const isSourceName = (name: string): boolean => RESOURCE_NAME.test(name) && !LIKE_A_SOURCE_ID.test(name);

export const isSourceId = (id: string): boolean => SOURCE_ID.test(id);

export const IDEMPOTENCY_KEY_RULE = `must be 1 to ${IDEMPOTENCY_KEY_MAX_CHARACTERS} printable ASCII characters`;

export const isIdempotencyKey = (key: string): boolean =>
  key.length >= 1 && key.length <= IDEMPOTENCY_KEY_MAX_CHARACTERS && PRINTABLE_ASCII.test(key);

/** The key in an `Idempotency-Key` header; the double quotes some clients put around it are not part of it. */
export function parseIdempotencyKeyHeader(value: string): Result<string, Problem> {
  const key = value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  return isIdempotencyKey(key)
    ? ok(key)
    : err(problem("invalid", `The header Idempotency-Key ${IDEMPOTENCY_KEY_RULE}.`));
}
