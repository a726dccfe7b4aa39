import type { LogEvent } from "./event.ts";

/**
 * What stays of an event whose payload is erased (API clause 4.9): its place, its type and key, and what says where it came
 * from. It has no data from then on, and headers, extensions and the name of its schema are gone.
 */
export const erasedEvent = (event: LogEvent): LogEvent => ({
  ...event,
  ...{ data: new Uint8Array(0), contentType: "application/json", headers: null, erased: true },
  cloudEvent: event.cloudEvent === null ? null : { ...event.cloudEvent, dataSchema: null, extensions: {} },
});
