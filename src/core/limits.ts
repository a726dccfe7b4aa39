/** Every limit of the gateway, unit last in the name, each with its reason. docs/PROTOCOL.md shows them as one table. */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;

// ---- what a producer may send -------------------------------------------------------------------------------

/** `data` of one event: with its envelope it must fit one row of 2 MB with room to spare. */
export const EVENT_DATA_MAX_BYTES = MIB;
/** One publish request: four of the largest events; bounds the memory one request takes. */
export const REQUEST_BODY_MAX_BYTES = 4 * MIB;
/**
 * Read and thrown away of a body that turned out too large while it streamed: a client that is still sending does not
 * see the answer when the connection breaks under it. The platform's own cap on a request.
 */
export const REQUEST_DRAIN_MAX_BYTES = 100 * MIB;
/** Events in one batch: what one commit can hold without starving others of the object's thread. */
export const BATCH_MAX_EVENTS = 1000;
/** Errors in one answer: enough to see what is wrong with a batch, not a thousand times the same. */
export const PROBLEM_ERRORS_MAX = 20;
/** Nesting of a JSON body: deep enough for any real document, shallow enough for any reader's stack. */
export const JSON_MAX_DEPTH = 512;
export const KEY_MAX_BYTES = 256;
/** Of an event's `type`: a name, not a text. */
export const TYPE_MAX_CHARACTERS = 256;
/** `source`, `subject`, and of a CloudEvent `id` and `dataschema`: ids and URIs, in practice far shorter. */
export const CONTEXT_MAX_BYTES = 1024;
/** `correlationId`, `causationId`: ids. */
export const CORRELATION_MAX_BYTES = 256;
/**
 * Attributes of a CloudEvent together, as headers of binary mode: common servers take 16 KiB for the whole head of a
 * request, and there are other headers.
 */
export const CLOUDEVENT_ATTRIBUTES_MAX_BYTES = 12 * KIB;
export const IDEMPOTENCY_KEY_MAX_CHARACTERS = 255;
/** A repeat at an age of exactly this is a new event. */
export const IDEMPOTENCY_WINDOW_MS = DAY_MS;
/** Keys live in tables of this span, dropped whole: expiry costs no row. Five of them cover the window. */
export const IDEMPOTENCY_BUCKET_MS = 6 * HOUR_MS;
/** An event that passed this many gateways is in a loop. */
export const HOPS_MAX = 16;

// ---- sources -----------------------------------------------------------------------------------------------

/** Of a tenant. Each is a row, looked up by its token; nobody has as many senders. */
export const SOURCES_MAX = 1000;
/** During a rotation there are two; each costs a digest of every request. */
export const SOURCE_SECRETS_MAX = 8;
/** Longer than any provider's. */
export const SOURCE_SECRET_MAX_CHARACTERS = 1024;
/** Of a place in the body, the name of a header, a prefix. */
export const SOURCE_OPTION_MAX_CHARACTERS = 256;
/** A signed timestamp may be as far from the gateway's clock, either way: what Stripe, Slack and Standard Webhooks recommend. */
export const SIGNATURE_TOLERANCE_SECONDS = 300;
/** Signatures of one header that are looked at: a sender in rotation sends two. */
export const SIGNATURES_MAX = 32;
/** The media type of a body that is no JSON is a short text. */
export const CONTENT_TYPE_MAX_CHARACTERS = 256;
/** Headers kept with an event, and how long one may be: they are stored with it and sent on. */
export const KEPT_HEADERS_MAX = 32;
export const KEPT_HEADER_VALUE_MAX_CHARACTERS = 1024;
/** What a source counts is gathered so long: a row a second at most, and so much is lost when an isolate dies. */
export const SOURCE_COUNTS_FLUSH_MS = SECOND_MS;

// ---- the log -----------------------------------------------------------------------------------------------

/** A block is one row; SQLite on the platform takes rows of 2 MB. Only a single larger event exceeds this. */
export const BLOCK_MAX_BYTES = MIB;
/** Segment tables are dropped whole, so their span is how exactly retention is kept: a thirtieth of it, at least this. */
export const SEGMENT_MIN_MS = HOUR_MS;
export const SEGMENT_MAX_BYTES = 64 * MIB;
export const RETENTION_DEFAULT_DAYS = 30;
export const RETENTION_MAX_DAYS = 365;
/** A Durable Object holds 10 GB; appends are refused before that. */
export const PARTITION_MAX_BYTES = 9_000_000_000;
/** 80 % of it: time for an operational event, while there is time to do something. */
export const PARTITION_FILLING_BYTES = 7_200_000_000;
/** Retention tells so long before it drops a segment of which something is unsettled; at half of a shorter retention. */
export const EXPIRY_WARNING_MS = DAY_MS;
/** How long appends gather for one commit while the log is busy: ten a commit at the thousand calls a second an object takes, and rows are the bill. */
export const COMMIT_GATHER_MS = 10;
/** So many waiting appends are committed without waiting for more: a sixteenth of a row each is cheap enough. */
export const COMMIT_GATHER_REQUESTS = 16;
/** A log that committed less than this ago is busy; alone, an append is committed at once. */
export const COMMIT_BUSY_MS = 10;
/** Appends waiting for the commit under way; beyond it: 503. Bounds the object's memory (128 MB). */
export const APPEND_QUEUE_MAX_BYTES = 24 * MIB;
/** Decoded blocks kept in memory, by what they take of it: new events are read by every subscription soon after their commit. */
export const BLOCK_CACHE_MAX_BYTES = 12 * MIB;
/** What a decoded event takes of memory beside the bytes that are stored of it: its object, its buffer, what filters see of it. */
export const DECODED_EVENT_BYTES = 600;
/** Data whose parsed values are kept, by its text and PARSED_EVENT_BYTES each: filters and schemas look at the same events. */
export const PARSED_CACHE_MAX_BYTES = 4 * MIB;
/** What a parsed value takes of memory at least, beside the text it was: small data would otherwise be kept by the hundred thousand. */
export const PARSED_EVENT_BYTES = 300;
/** Events looked at in one call that counts for a seek: it decodes them all. */
export const COUNT_SCAN_MAX_EVENTS = 50_000;
/** Bytes of events looked at in one such call: the object serves others too. */
export const COUNT_SCAN_MAX_BYTES = 64 * MIB;
/** Buckets of one count of a log's events: a day by the minute. Each is found by a search of its own. */
export const EVENT_COUNT_BUCKETS_MAX = 1500;
/** Events of a key that one call erases: each may take a block of its own to be written anew. */
export const ERASE_MAX_EVENTS = 1000;
/** Calls of one request that erases a key: 250,000 events looked at, or 50,000 erased, or 3 GiB; then the answer says where to go on. */
export const ERASE_CALLS_MAX = 50;
/** Events one read looks at before it answers with what it has: the object serves others too. */
export const SCAN_MAX_EVENTS = 5000;
/** Bytes of data that one test of a filter looks at: it may have to parse them all. */
export const FILTER_TEST_MAX_BYTES = 16 * MIB;
/** Bytes of events one read answers with. */
export const READ_MAX_BYTES = 4 * MIB;
/** A scanned position is persisted at least this often, so a filter that never matches is not run again from the start. */
export const SCANNED_PERSIST_EVERY_OFFSETS = 10_000;
/** How long after an append the log looks whether everybody has heard of it (a crash may have eaten the wake). */
export const WAKE_BACKSTOP_MS = 5 * SECOND_MS;
/** How far the clocks of two machines may be apart that an object lives on one after the other. */
export const CLOCK_SKEW_MAX_MS = 60 * SECOND_MS;
/** Events sent along with a wake; more is pulled. */
export const WAKE_INLINE_MAX_BYTES = 64 * KIB;
/** So many subscriptions are told in the turn of the commit; more would keep its producers waiting. */
export const WAKE_AT_ONCE_MAX = 8;
/** Wakes under way at once from one log. */
export const WAKE_MAX_CONCURRENT = 64;

// ---- deliveries --------------------------------------------------------------------------------------------

export const TIMEOUT_DEFAULT_SECONDS = 15;
/** With LEASE_GRACE_MS this is the 28 s an invocation can count on. */
export const TIMEOUT_MAX_SECONDS = 25;
export const CONCURRENCY_DEFAULT = 32;
/** Sixteen deliverers of six sends. */
export const CONCURRENCY_MAX = 96;
/** The platform lets six requests of an invocation wait for headers at a time. */
export const SENDS_PER_DELIVERER_MAX = 6;
export const DELIVERERS_MAX = 16;
/** Sends leased for each place of a deliverer while there is a backlog: one report and one row for all of them. */
export const SENDS_PER_PLACE_MAX = 4;
/** Data of what waits for a place: it is in the deliverer's memory meanwhile. */
export const PLACE_WAIT_MAX_BYTES = MIB;
/** What waits for a place is begun within this, going by what sends take: well within SEND_START_MAX_MS. */
export const PLACE_WAIT_MAX_MS = 60;
/** Between a send's deadline and the end of its lease: time to report. */
export const LEASE_GRACE_MS = 3 * SECOND_MS;
/** A deliverer takes no send that could outlive this (the platform ends an invocation after 30 s). */
export const DELIVERER_LIFE_MS = 28 * SECOND_MS;
/** A send not started this long after its lease is not started at all; pause and DELETE answer after it. */
export const SEND_START_MAX_MS = 250;
/** A deliverer with a slow send reports the others this long after the first of them is done. */
export const REPORT_LINGER_MS = 100;
/** A report that failed is sent again this often, the first time after REPORT_RETRY_FIRST_MS, then four times later each: all within LEASE_GRACE_MS. */
export const REPORT_TRIES_MAX = 4;
export const REPORT_RETRY_FIRST_MS = 100;
/** Sends recorded in one row before the next row is begun: rewriting a row costs its size. */
export const LEASE_ROW_MAX_SENDS = 48;
export const LEASE_ROW_MAX_BYTES = 256 * KIB;
/** Events pulled ahead of what is being sent. */
export const PULL_MAX_EVENTS = 256;
export const PULL_MAX_BYTES = 2 * MIB;
/** Fewer fresh events than this in memory: time to pull. */
export const PULL_LOW_WATER_EVENTS = PULL_MAX_EVENTS / 4;
/** Retries and heads of lanes read again in one call. */
export const REREAD_MAX_EVENTS = 32;
/** A retry's event is read again this long before it is due. */
export const REREAD_AHEAD_MS = 100;
/** Blocked keys of one subscription held apart; beyond it the cursor waits. */
export const LANES_MAX = 10_000;
/** Unsettled events below the cursor; beyond it nothing new is begun. */
export const HOLES_MAX = 10_000;
/** Anyone who wants more means "no limit", which is null. */
export const RATE_LIMIT_MAX_PER_SECOND = 10_000;
/** How far ahead sends are leased under a rate limit, each with its own time: within SEND_START_MAX_MS, so that pause stays a barrier. */
export const PACE_AHEAD_MS = 150;
/** Events of one batch: an outcome for all of them, so a larger one only makes a failure larger. */
export const BATCH_SEND_MAX_EVENTS = 1000;
/** A batch that waits longer for its last event is a report, not a delivery. */
export const BATCH_SEND_WAIT_MAX_MS = 60 * SECOND_MS;
/** `data` and extensions of one batch, unless a single event is larger: six of them are in a deliverer's memory. */
export const BATCH_SEND_MAX_BYTES = MIB;
/** Dead letters of a subscription that are on their way again at once: each is held in memory. */
export const REDRIVE_MAX_EVENTS = 10_000;
/** Redriven events become due in steps of so many: a subscriber that has just recovered is not hit by all of them. */
export const REDRIVE_STEP_EVENTS = 50;
export const REDRIVE_STEP_MS = 250;
/** Event ids named in one redrive or deletion of dead letters. */
export const REDRIVE_IDS_MAX = 1000;
/** Letters taken out of the index in one call. */
export const LETTERS_PER_CALL_MAX = 500;
/** Secrets that sign at once: each makes the signature header longer. */
export const SECRETS_MAX = 8;
export const SECRET_GRACE_DEFAULT_SECONDS = 86_400;
export const SECRET_GRACE_MAX_SECONDS = 604_800;
/** Interruptions in a row that count as one failure: a subscriber that kills the gateway must not be retried for ever. */
export const INTERRUPTIONS_PER_FAILURE = 5;
/** Kept of a subscriber's answer. */
export const RESPONSE_BODY_MAX_BYTES = 16 * KIB;
/** Kept of one response header value, and how many headers are kept. */
export const RESPONSE_HEADER_MAX_CHARACTERS = 1024;
export const RESPONSE_HEADERS_MAX = 64;

// ---- retries -----------------------------------------------------------------------------------------------

/** The example schedule of Standard Webhooks: about three days. */
export const RETRY_DEFAULT_SCHEDULE_SECONDS: readonly number[] = [
  5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
];
export const RETRY_DEFAULT_JITTER = 0.2;
export const RETRY_SCHEDULE_MAX_ENTRIES = 30;
/** One day: also the cap of a Retry-After, so that nobody is stuck for years. */
export const RETRY_MAX_SECONDS = 86_400;
/** The longest delay asked of a queue; a message that is early is sent again. */
export const QUEUE_DELAY_MAX_SECONDS = 43_200;
/** A retry due sooner than this is left to the alarm: a queue counts in seconds. */
export const QUEUE_DELAY_MIN_MS = SECOND_MS;
/** How soon to look again at a due retry that could not be begun. */
export const RETRY_BLOCKED_MS = SECOND_MS;
/** How much later than due the object's own alarm looks, in case the queue lost the message. */
export const RETRY_ALARM_SLACK_MS = 4 * SECOND_MS;
export const HOLD_AFTER_FAILURES_DEFAULT = 10;
/** Anyone who wants more means "never", which is null. */
export const HOLD_AFTER_FAILURES_MAX = 1000;
export const PROBE_FIRST_MS = 5 * SECOND_MS;
export const PROBE_MAX_MS = 60 * SECOND_MS;
export const DISABLE_AFTER_DEFAULT_SECONDS = 432_000;
/** A year: longer than any retention. */
export const DISABLE_AFTER_MAX_SECONDS = 31_536_000;
/** An outbox row is sent again after this, doubling to the second. */
export const OUTBOX_RESEND_FIRST_MS = 5 * SECOND_MS;
export const OUTBOX_RESEND_MAX_MS = 10 * 60 * SECOND_MS;
/** A delivery log table spans this and is dropped whole after DELIVERY_LOG_MAX_MS. */
export const DELIVERY_LOG_TABLE_MS = DAY_MS;
export const DELIVERY_LOG_MAX_MS = 30 * DAY_MS;
/** Of one subscription: a tenth of what its object can hold. */
export const DELIVERY_LOG_MAX_BYTES = 1_000_000_000;
/** Tables are dropped whole, so their size is how exactly the bound is kept. */
export const DELIVERY_LOG_TABLE_MAX_BYTES = 64 * MIB;

// ---- names and counts --------------------------------------------------------------------------------------

export const URL_MAX_CHARACTERS = 2048;
export const CUSTOM_HEADERS_MAX = 32;
/** Common HTTP servers take far longer lines; a name beyond this is a mistake. */
export const CUSTOM_HEADER_NAME_MAX_CHARACTERS = 128;
export const CUSTOM_HEADER_VALUE_MAX_CHARACTERS = 4096;
export const DESCRIPTION_MAX_CHARACTERS = 1024;
export const FILTER_MAX_BYTES = 16 * KIB;
export const FILTER_MAX_DEPTH = 32;
/** Patterns in a filter: each may have to look at every element of an array of a megabyte, which takes some milliseconds. */
export const FILTER_PATTERNS_MAX = 128;
export const FILTER_TYPES_MAX = 100;
export const SECRET_MIN_BYTES = 24;
export const SECRET_MAX_BYTES = 64;
export const SECRET_GENERATED_BYTES = 32;
/** `retentionBytes`: below one block, every commit would drop what the one before stored. */
export const RETENTION_MIN_BYTES = MIB;
/** A root key that can be guessed opens every tenant. */
export const ROOT_KEY_MIN_CHARACTERS = 16;
/** Of a list's cursor as sent back: ours are far shorter. */
export const LIST_CURSOR_MAX_CHARACTERS = 1024;
/** Topics of a tenant: each is an object, so a runaway producer of names must end somewhere. */
export const TOPICS_MAX = 10_000;
export const SUBSCRIPTIONS_PER_TOPIC_MAX = 10_000;
/** Subscriptions that are gone with the answer to the DELETE of their topic; more are ended in the background. */
export const TOPIC_DELETE_SUBSCRIPTIONS_MAX = 512;
/** Of a topic; each is an object of its own. */
export const PARTITIONS_MAX = 64;
export const LIST_DEFAULT = 50;
export const LIST_MAX = 200;
/** Objects asked at once to fill one page of a list. */
export const LIST_CONCURRENCY_MAX = 32;
/** Rows of the delivery log looked at for one page: it may come back short, with a cursor to go on from. */
export const LIST_SCAN_MAX_ROWS = 500;
/** Bytes of the delivery log that one call of a subscription reads for statistics: the object serves others too. */
export const STATS_SCAN_MAX_BYTES = 4 * MIB;
/** Topics that one request for statistics counts, and calls of subscriptions it makes; beyond that it is not complete. */
export const STATS_CALLS_MAX = 500;
/** Of an untouched backlog, at most this many rows are listed as pending. */
export const PENDING_LISTED_MAX = 1000;
/** Names one isolate remembers from the Directory. */
export const DIRECTORY_CACHE_MAX_ENTRIES = 10_000;
/** How long a name found in the Directory is trusted; a name not found is asked for every time. */
export const DIRECTORY_CACHE_MS = 30 * SECOND_MS;

// ---- the tenant's directory --------------------------------------------------------------------------------

/** Rows one page of dead letters looks at before it answers with what it has: the object serves others too. */
export const DEAD_LETTERS_SCAN_MAX_ROWS = 1000;
/** A dead letter leaves the index when its event can no longer be in any log. */
export const DEAD_LETTER_MAX_MS = RETENTION_MAX_DAYS * DAY_MS;
/** How long a removed letter is remembered, so that a late copy of its message does not bring it back: a queue keeps a message for 4 days. */
export const REMOVED_LETTER_MAX_MS = 5 * DAY_MS;
/** Outdated rows deleted along with one change of the index: spreads the work, and outruns what is added. */
export const DEAD_LETTERS_PURGE_MAX_ROWS = 200;
/** A health check writes a billed row and needs no key, so its answer holds this long. */
export const HEALTH_PROBE_EVERY_MS = SECOND_MS;

// ---- schemas of event types --------------------------------------------------------------------------------

/** Event types of one topic that have a schema. */
export const SCHEMAS_PER_TOPIC_MAX = 100;
/** One schema, as JSON. */
export const SCHEMA_MAX_BYTES = 64 * KIB;
/** All schemas of a topic, as JSON: they are a part of its settings, in one row. */
export const SCHEMAS_MAX_BYTES = 256 * KIB;
export const SCHEMA_MAX_DEPTH = 64;
/** Regular expressions in the schemas of a topic: compiling a large one takes milliseconds. */
export const SCHEMA_PATTERNS_MAX = 100;
export const SCHEMA_PATTERN_MAX_CHARACTERS = 1024;
/** JSON values in the data of an event that is checked: each takes a hundred bytes of memory while it is. */
export const SCHEMA_VALUES_MAX = 100_000;
/** Steps that the schemas may take for the events of one request: about a second. */
export const SCHEMA_STEPS_MAX = 2_000_000;
/** Places that one refused request is told of. */
export const SCHEMA_ERRORS_MAX = 20;
