/**
 * Ids. All are a prefix and Crockford base32 in lower case with the time first, so that they sort by time as text. None
 * contains a `.`: Standard Webhooks signs `id.timestamp.payload`.
 */

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
/** Two digits at a time: half the steps. */
const PAIRS = [...ALPHABET].flatMap((high) => [...ALPHABET].map((low) => high + low));
const DIGITS: ReadonlyMap<string, number> = new Map([...ALPHABET].map((digit, value) => [digit, value]));

const TIME_DIGITS = 10;
const TAG_DIGITS = 8;
const PARTITION_DIGITS = 2;
const OFFSET_DIGITS = 11;
const EVENT_PREFIX = "evt_";
const EVENT_ID_LENGTH = EVENT_PREFIX.length + TIME_DIGITS + TAG_DIGITS + PARTITION_DIGITS + OFFSET_DIGITS;
const RANDOM_BYTES = 10;

/** Where an event is, and when it came. `tag` is the log's random number below 2^40: ids of two topics never collide. */
export interface EventPosition {
  /** Unix milliseconds of receipt. */
  readonly time: number;
  readonly tag: number;
  /** 0..1023 */
  readonly partition: number;
  readonly offset: number;
}

/** `evt_` and 31 digits: 10 of time, 8 of tag, 2 of partition, 11 of offset. Throws RangeError for what does not fit. */
export const encodeEventId = (position: EventPosition): string =>
  EVENT_PREFIX +
  base32(position.time, TIME_DIGITS) +
  base32(position.tag, TAG_DIGITS) +
  base32(position.partition, PARTITION_DIGITS) +
  base32(position.offset, OFFSET_DIGITS);

/** The position an event id names, or null for anything encodeEventId does not write (other case, aliases, length). */
export function decodeEventId(id: string): EventPosition | null {
  if (id.length !== EVENT_ID_LENGTH || !id.startsWith(EVENT_PREFIX)) return null;
  let at = EVENT_PREFIX.length;
  const next = (digits: number): number => {
    const value = fromBase32(id, at, digits);
    at += digits;
    return value;
  };
  const position = {
    time: next(TIME_DIGITS),
    tag: next(TAG_DIGITS),
    partition: next(PARTITION_DIGITS),
    offset: next(OFFSET_DIGITS),
  };
  return Object.values(position).every(Number.isSafeInteger) ? position : null;
}

export type IdPrefix = "sub" | "att" | "src" | "key" | "bat" | "req";

/** `<prefix>_` and 26 digits: 10 of time (Unix milliseconds) and 16 of randomness, of which `random` brings 10 bytes. */
export function newId(prefix: IdPrefix, timeMs: number, random: Uint8Array): string {
  if (random.length !== RANDOM_BYTES) throw new RangeError(`an id takes ${RANDOM_BYTES} random bytes`);
  let id = `${prefix}_${base32(timeMs, TIME_DIGITS)}`;
  // Five bytes are 40 bits: eight digits.
  for (let start = 0; start < RANDOM_BYTES; start += 5) {
    let value = 0;
    for (const byte of random.subarray(start, start + 5)) value = value * 256 + byte;
    id += base32(value, 8);
  }
  return id;
}

// Odd multipliers of good dispersion, one a lane: the first is FNV's prime, the others are MurmurHash3's constants.
const LANE_MULTIPLIERS = [0x01000193, 0xcc9e2d51, 0x1b873593, 0x85ebca6b] as const;

const SPAN_MULTIPLIERS = LANE_MULTIPLIERS.slice(0, 2);

const FIRST_BIT = 0x8000_0000;

/**
 * The W3C trace id (32 hexadecimal digits, never all zero) of every request made for an event: a hash of its id, so
 * that all its attempts, and every gateway that handles it, agree without storing anything.
 */
export const traceId = (eventId: string): string => hexHash(eventId, LANE_MULTIPLIERS);

/** The W3C span id (16 hexadecimal digits, never all zero) of an attempt: the first half of what would be its trace id. */
export const spanId = (attemptId: string): string => hexHash(attemptId, SPAN_MULTIPLIERS);

/** Eight digits a lane. */
function hexHash(id: string, multipliers: readonly number[]): string {
  let digits = "";
  for (const multiplier of multipliers) {
    let hash = 0x811c9dc5 ^ multiplier;
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), multiplier) ^ (hash >>> 15);
    // The first bit is always set: all zero is invalid, and samplers look at the last bytes only.
    const lane = digits === "" ? (finalMix(hash) | FIRST_BIT) >>> 0 : finalMix(hash);
    digits += lane.toString(16).padStart(8, "0");
  }
  return digits;
}

/** MurmurHash3's 32-bit finalizer: every bit of the input reaches every bit of the result. */
export function finalMix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function base32(value: number, digits: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} cannot be part of an id`);
  let text = "";
  let rest = value;
  for (let left = digits; left > 0; left -= 2) {
    text = (left === 1 ? ALPHABET.charAt(rest % 32) : (PAIRS[rest % 1024] ?? "")) + text;
    rest = Math.floor(rest / (left === 1 ? 32 : 1024));
  }
  if (rest > 0) throw new RangeError(`${value} does not fit ${digits} digits of an id`);
  return text;
}

/** NaN where a character is no digit. */
function fromBase32(text: string, start: number, digits: number): number {
  let value = 0;
  for (let i = start; i < start + digits; i++) value = value * 32 + (DIGITS.get(text.charAt(i)) ?? Number.NaN);
  return value;
}
