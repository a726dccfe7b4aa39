import { parseCloudEvent } from "./cloudevent-json.ts";
import { type Problem, problem } from "./errors.ts";
import { elementTexts, parseJsonBody, valueText } from "./json-text.ts";
import { BATCH_MAX_EVENTS, PROBLEM_ERRORS_MAX } from "./limits.ts";
import { type EventError, type PublishedEvent, parsePublishedEvent } from "./publish-event.ts";
import { err, ok, type Result } from "./result.ts";

export type { PublishedEvent };

/** What a publish request asks for; `batch` says that it was an array, also one of a single event. */
export interface PublishRequest {
  readonly batch: boolean;
  readonly events: readonly PublishedEvent[];
}

/** Reads one event of a form (`PublishedEvent`), where it stands in the text of the body. */
type ReadEvent = typeof parsePublishedEvent;

/**
 * Reads the body of a publish in the JSON forms: an event, or an array of 1..BATCH_MAX_EVENTS of them, refused whole
 * when one is invalid. `hops` goes into every event.
 *
 * `malformed-utf8`, `malformed-json` (400); `too-large` (413) when the data of an event is, before any other fault;
 * `invalid` (422) with up to PROBLEM_ERRORS_MAX errors.
 */
export function parsePublishJson(
  body: Uint8Array,
  { hops, batchAllowed }: { readonly hops: number; readonly batchAllowed: boolean },
): Result<PublishRequest, Problem> {
  return parseBody(body, { read: parsePublishedEvent, hops, batch: batchAllowed ? null : false });
}

/** Reads a body in the JSON format of CloudEvents: `application/cloudevents+json`, or the `batch` of it. As above. */
export function parseCloudEventsJson(
  body: Uint8Array,
  { hops, batch }: { readonly hops: number; readonly batch: boolean },
): Result<PublishRequest, Problem> {
  return parseBody(body, { read: parseCloudEvent, hops, batch });
}

/** `batch`: whether it must be an array; null: it may be. */
function parseBody(
  body: Uint8Array,
  { read, hops, batch }: { readonly read: ReadEvent; readonly hops: number; readonly batch: boolean | null },
): Result<PublishRequest, Problem> {
  const parsed = parseJsonBody(body);
  if (!parsed.ok) return parsed;
  const { text, value } = parsed.value;
  if (batch === true && !Array.isArray(value)) {
    return err(refusal([{ pointer: "#", detail: "must be an array: a batch is one", tooLarge: false }]));
  }
  if (batch === false || !Array.isArray(value)) {
    // Of an array where none is allowed it says what is needed.
    return collect(false, [read({ text, ...valueText(text) }, value, [], hops)]);
  }
  if (value.length === 0) return err(invalid("The batch is empty. Send at least one event."));
  if (value.length > BATCH_MAX_EVENTS) {
    return err(
      invalid(`The batch has ${value.length} events; at most ${BATCH_MAX_EVENTS} are accepted. Send it in parts.`),
    );
  }
  const elements = elementTexts(text).map((range, index) => read({ text, ...range }, value[index], [index], hops));
  return collect(true, elements);
}

function collect(
  batch: boolean,
  outcomes: readonly (PublishedEvent | readonly EventError[])[],
): Result<PublishRequest, Problem> {
  const events: PublishedEvent[] = [];
  const errors: EventError[] = [];
  for (const outcome of outcomes) {
    if ("event" in outcome) events.push(outcome);
    else errors.push(...outcome);
  }
  errors.push(...repeatedKeys(outcomes));
  return errors.length === 0 ? ok({ batch, events }) : err(refusal(errors));
}

function refusal(errors: readonly EventError[]): Problem {
  const tooLarge = errors.filter((error) => error.tooLarge);
  const shown = (tooLarge.length > 0 ? tooLarge : errors)
    .slice(0, PROBLEM_ERRORS_MAX)
    .map(({ pointer, detail }) => ({ pointer, detail }));
  const first = shown[0];
  const detail = first === undefined ? "" : `${first.pointer === "#" ? "The body" : first.pointer} ${first.detail}.`;
  return problem(tooLarge.length > 0 ? "too-large" : "invalid", detail, { errors: shown });
}

/** Two events under one key: the second would be a duplicate of the first, or in conflict with it. */
function repeatedKeys(outcomes: readonly (PublishedEvent | readonly EventError[])[]): EventError[] {
  const first = new Map<string, number>();
  return outcomes.flatMap((outcome, index) => {
    const key = "event" in outcome ? outcome.idempotencyKey : null;
    if (key === null) return [];
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, index);
    return earlier === undefined
      ? []
      : [
          {
            pointer: `#/${index}/idempotencyKey`,
            detail: `is that of event ${earlier} of this batch too`,
            tooLarge: false,
          },
        ];
  });
}

const invalid = (detail: string): Problem => problem("invalid", detail);
