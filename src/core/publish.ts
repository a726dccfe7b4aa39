import { type Problem, problem } from "./errors.ts";
import { elementTexts, parseJsonBody, valueText } from "./json-text.ts";
import { BATCH_MAX_EVENTS } from "./limits.ts";
import { type EventError, type PublishedEvent, parsePublishedEvent } from "./publish-event.ts";
import { err, ok, type Result } from "./result.ts";

export type { PublishedEvent };

/** What a publish request asks for; `batch` says that it was an array, also one of a single event. */
export interface PublishRequest {
  readonly batch: boolean;
  readonly events: readonly PublishedEvent[];
}

/** Errors of one answer: enough to see what is wrong with a batch, not a thousand times the same. */
const ERRORS_MAX = 20;

/**
 * Reads the body of a publish in the JSON forms: an event, or an array of 1..BATCH_MAX_EVENTS of them, refused whole
 * when one is invalid. `hops` goes into every event.
 *
 * `malformed-utf8`, `malformed-json` (400); `too-large` (413) when the data of an event is, before any other fault;
 * `invalid` (422) with up to 20 errors.
 */
export function parsePublishJson(
  body: Uint8Array,
  options: { readonly hops: number; readonly batchAllowed: boolean },
): Result<PublishRequest, Problem> {
  const parsed = parseJsonBody(body);
  if (!parsed.ok) return parsed;
  const { text, value } = parsed.value;
  if (!Array.isArray(value)) {
    return collect(false, [parsePublishedEvent({ text, ...valueText(text) }, value, [], options.hops)]);
  }
  if (!options.batchAllowed) return err(invalid("An event is a JSON object; a batch is not accepted here."));
  if (value.length === 0) return err(invalid("The batch is empty. Send at least one event."));
  if (value.length > BATCH_MAX_EVENTS) {
    return err(
      invalid(`The batch has ${value.length} events; at most ${BATCH_MAX_EVENTS} are accepted. Send it in parts.`),
    );
  }
  const elements = elementTexts(text).map((range, index) =>
    parsePublishedEvent({ text, ...range }, value[index], [index], options.hops),
  );
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
    .slice(0, ERRORS_MAX)
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
