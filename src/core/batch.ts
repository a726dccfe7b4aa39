import type { LogEvent } from "./event.ts";
import { decodeEventId, finalMix, newId } from "./ids.ts";

// Odd multipliers of good dispersion, one a lane: those of MurmurHash3 and xxHash32.
const LANE_MULTIPLIERS = [0xcc9e2d51, 0x1b873593, 0x9e3779b1] as const;
const DIGEST_BYTES = 10;
const SEPARATOR = 0x20;

/**
 * The id of a batch (API clause 6.2): the time of its first event, so that batches sort like their events, and a digest
 * of all its members in order. The same members make the same id always, so none is stored.
 *
 * The digest is no cryptographic one. A receiver uses the id to tell one batch from another, so a collision would need
 * two batches for one subscription that begin with an event of the same millisecond and agree in 80 bits; and nobody
 * can look for one, as a producer has no say in what the gateway's event ids are.
 *
 * @param eventIds at least one, all as the log gave them. Throws RangeError otherwise.
 */
export function batchId(eventIds: readonly string[]): string {
  const first = decodeEventId(eventIds[0] ?? "");
  if (first === null) throw new RangeError("a batch begins with an event of the log");
  const lanes = new DataView(new ArrayBuffer(LANE_MULTIPLIERS.length * 4));
  for (const [index, multiplier] of LANE_MULTIPLIERS.entries()) lanes.setUint32(index * 4, lane(eventIds, multiplier));
  return newId("bat", first.time, new Uint8Array(lanes.buffer, 0, DIGEST_BYTES));
}

/** What an event takes of a batch's bytes: its data, and what a CloudEvent brings along beside it. */
export function batchedBytes({ cloudEvent, data }: Pick<LogEvent, "cloudEvent" | "data">): number {
  if (cloudEvent === null) return data.byteLength;
  let bytes = data.byteLength + cloudEvent.id.length;
  for (const [name, value] of Object.entries(cloudEvent.extensions)) bytes += name.length + String(value).length;
  return bytes;
}

/** 32 bits. Every step is a bijection of the state, so however long the batch, what its first members said is not lost. */
function lane(eventIds: readonly string[], multiplier: number): number {
  let hash = multiplier;
  const take = (code: number): void => {
    hash = Math.imul(hash ^ code, multiplier);
    hash ^= hash >>> 15;
  };
  for (const id of eventIds) {
    for (let i = 0; i < id.length; i++) take(id.charCodeAt(i));
    take(SEPARATOR);
  }
  return finalMix(hash);
}
