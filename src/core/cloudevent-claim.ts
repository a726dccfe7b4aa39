import type { IdempotencyClaim, NewEvent } from "./event.ts";

/** No key that a user chooses has a line feed, and neither has an attribute: so no two of these are ever alike. */
const SEPARATOR = "\n";

/**
 * What a CloudEvent is known by: `source` and `id`. The same ones are the same event, whatever else they come with
 * (CloudEvents 1.0, "id"). null for what was not sent as a CloudEvent.
 */
export const cloudEventClaim = ({ cloudEvent, source }: NewEvent): IdempotencyClaim | null =>
  cloudEvent === null ? null : { key: ["cloudevent", source ?? "", cloudEvent.id].join(SEPARATOR), fingerprint: null };
