import * as v from "valibot";
import { FORMATS } from "../core/body.ts";
import {
  BATCH_SEND_MAX_EVENTS,
  BATCH_SEND_WAIT_MAX_MS,
  CONCURRENCY_DEFAULT,
  CONCURRENCY_MAX,
  DESCRIPTION_MAX_CHARACTERS,
  DISABLE_AFTER_DEFAULT_SECONDS,
  DISABLE_AFTER_MAX_SECONDS,
  HOLD_AFTER_FAILURES_DEFAULT,
  HOLD_AFTER_FAILURES_MAX,
  RATE_LIMIT_MAX_PER_SECOND,
  RETRY_DEFAULT_JITTER,
  RETRY_DEFAULT_SCHEDULE_SECONDS,
  RETRY_MAX_SECONDS,
  RETRY_SCHEDULE_MAX_ENTRIES,
  TIMEOUT_DEFAULT_SECONDS,
  TIMEOUT_MAX_SECONDS,
} from "../core/limits.ts";
import { isSubscriptionName, SUBSCRIPTION_NAME_RULE } from "../core/names.ts";
import { parseRfc3339 } from "../core/time.ts";
import type { Ordering } from "../subscription/rpc.ts";
import type { Start } from "../topic-log/rpc.ts";
import type { Verification } from "./handshake.ts";
import { anyString, fraction, isObject, members, notAvailable, prose, wholeNumber } from "./validate.ts";

const Retry = members({
  scheduleSeconds: v.optional(
    v.pipe(
      v.array(fraction(0, RETRY_MAX_SECONDS), "must be an array of numbers"),
      v.maxLength(RETRY_SCHEDULE_MAX_ENTRIES, `must have ${RETRY_SCHEDULE_MAX_ENTRIES} entries or fewer`),
    ),
    [...RETRY_DEFAULT_SCHEDULE_SECONDS],
  ),
  jitter: v.optional(fraction(0, 1), RETRY_DEFAULT_JITTER),
  onExhausted: v.optional(v.picklist(["continue", "hold-key"], "must be continue or hold-key"), "continue"),
  holdAfterFailures: v.optional(v.nullable(wholeNumber(1, HOLD_AFTER_FAILURES_MAX)), HOLD_AFTER_FAILURES_DEFAULT),
});

const DEFAULT_RETRY: v.InferOutput<typeof Retry> = {
  scheduleSeconds: [...RETRY_DEFAULT_SCHEDULE_SECONDS],
  jitter: RETRY_DEFAULT_JITTER,
  onExhausted: "continue",
  holdAfterFailures: HOLD_AFTER_FAILURES_DEFAULT,
};

/** null is a value of its own: no limit. */
const RateLimit = v.nullable(members({ perSecond: wholeNumber(1, RATE_LIMIT_MAX_PER_SECOND) }));

/** null: each event goes alone. What a batch leaves out has these values. */
const Batch = v.nullable(
  members({
    maxEvents: v.optional(wholeNumber(1, BATCH_SEND_MAX_EVENTS), 100),
    maxWaitMilliseconds: v.optional(wholeNumber(0, BATCH_SEND_WAIT_MAX_MS), 1000),
  }),
);

const Ordered = v.picklist(["key", "topic", "none"] satisfies Ordering[], "must be key, topic or none");

const Formatted = v.picklist(FORMATS, `must be one of ${FORMATS.join(", ")}`);

const Verified = v.picklist(["none", "handshake"] satisfies Verification[], "must be none or handshake");

const Seconds = v.nullable(wholeNumber(1, DISABLE_AFTER_MAX_SECONDS));

/** Each value of these objects must be text; whether it may be a header is judged by src/core/custom-headers.ts. */
const HeaderValues = v.custom<Record<string, string>>(
  (value) => isObject(value) && Object.values(value).every((one) => typeof one === "string"),
  "must be an object whose values are strings",
);
const HeaderChanges = v.custom<Record<string, string | null>>(
  (value) => isObject(value) && Object.values(value).every((one) => typeof one === "string" || one === null),
  "must be an object whose values are strings, or null to take a header away",
);

/** Members of the contract that are accepted only as "not used". */
const later = {
  replyTopic: notAvailable(null),
};

const laterOnly = {
  targetTopic: "is not available yet; give a url",
  pull: "is not available yet; give a url",
};

const OFFSET_RULE =
  'must be "latest", "earliest", {"offset": 1 or more}, {"offsets": {"0": ...}} or {"time": RFC 3339}';

/** A place in a topic's log: where a subscription begins, or is moved to. */
export const StartPoint = v.pipe(
  v.unknown(),
  v.check((value) => parseStart(value) !== null, OFFSET_RULE),
  v.transform((value): Start => parseStart(value) ?? "latest"),
);

/** A whole subscription, for POST and PUT; what is left out has its default. */
export const SubscriptionDocument = members(
  {
    name: v.optional(
      v.custom<string>((value) => typeof value === "string" && isSubscriptionName(value), SUBSCRIPTION_NAME_RULE),
    ),
    topic: anyString,
    url: anyString,
    description: v.optional(prose(DESCRIPTION_MAX_CHARACTERS), ""),
    // Judged by src/core/filter.ts.
    filter: v.optional(v.unknown()),
    ordering: v.optional(Ordered, "key"),
    format: v.optional(Formatted, "standard"),
    start: v.optional(StartPoint, "latest"),
    headers: v.optional(HeaderValues, {}),
    timeoutSeconds: v.optional(wholeNumber(1, TIMEOUT_MAX_SECONDS), TIMEOUT_DEFAULT_SECONDS),
    concurrency: v.optional(wholeNumber(1, CONCURRENCY_MAX), CONCURRENCY_DEFAULT),
    rateLimit: v.optional(RateLimit, null),
    batch: v.optional(Batch, null),
    retry: v.optional(Retry, {}),
    disableAfterSeconds: v.optional(Seconds, DISABLE_AFTER_DEFAULT_SECONDS),
    secret: v.optional(anyString),
    verification: v.optional(Verified, "none"),
    ...later,
  },
  laterOnly,
);

export type SubscriptionDocument = v.InferOutput<typeof SubscriptionDocument>;

/** A change to one member; null, as RFC 7396 has it, takes the member away: its default is in force again. */
const change = <S extends v.GenericSchema, D extends v.InferOutput<S>>(schema: S, byDefault: D) =>
  v.optional(
    v.pipe(
      v.nullable(schema),
      v.transform((value): v.InferOutput<S> | D => value ?? byDefault),
    ),
  );

const unchangeable = "cannot be changed; create another subscription";

/** Changes to a subscription (RFC 7396). `filter`, `retry`, `rateLimit` and `batch` are replaced whole, `headers` member by member. */
export const SubscriptionChanges = members(
  {
    url: v.optional(anyString),
    description: change(prose(DESCRIPTION_MAX_CHARACTERS), ""),
    filter: v.optional(v.unknown()),
    ordering: change(Ordered, "key"),
    format: change(Formatted, "standard"),
    headers: v.optional(v.nullable(HeaderChanges)),
    timeoutSeconds: change(wholeNumber(1, TIMEOUT_MAX_SECONDS), TIMEOUT_DEFAULT_SECONDS),
    concurrency: change(wholeNumber(1, CONCURRENCY_MAX), CONCURRENCY_DEFAULT),
    retry: change(Retry, DEFAULT_RETRY),
    // In these null is a value of its own: off, never.
    rateLimit: v.optional(RateLimit),
    batch: v.optional(Batch),
    disableAfterSeconds: v.optional(Seconds),
    verification: change(Verified, "none"),
    ...later,
  },
  {
    ...laterOnly,
    id: unchangeable,
    name: unchangeable,
    topic: unchangeable,
    start: unchangeable,
    secret: unchangeable,
    state: "cannot be set; use pause and resume",
  },
);

export type SubscriptionChanges = v.InferOutput<typeof SubscriptionChanges>;

/** The place that is meant, or null when this is no such place. Of a topic's partitions there is only 0. */
function parseStart(value: unknown): Start | null {
  if (value === "latest" || value === "earliest") return value;
  if (!isObject(value)) return null;
  const [[name, place] = ["", null], ...others] = Object.entries(value);
  if (others.length > 0) return null;
  if (name === "offset") return isOffset(place) ? { offset: place } : null;
  if (name === "time") return parseTimeStart(place);
  if (name !== "offsets" || !isObject(place)) return null;
  const offset = Object.keys(place).length === 1 ? place["0"] : null;
  return isOffset(offset) ? { offset } : null;
}

function parseTimeStart(place: unknown): Start | null {
  const time = typeof place === "string" ? parseRfc3339(place) : null;
  return time === null ? null : { time };
}

const isOffset = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
