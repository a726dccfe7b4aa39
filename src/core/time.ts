// RFC 3339 section 5.6 lets readers accept a lower-case t and z, so this one does.
const RFC3339 =
  /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})T(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})(?:\.(?<fraction>\d+))?(?:Z|(?<sign>[+-])(?<offsetHour>\d{2}):(?<offsetMinute>\d{2}))$/i;

const MINUTE_MS = 60_000;

/** The years a four-digit year can write: 0000-01-01 up to and with 9999-12-31, in Unix milliseconds. */
const FIRST_MS = -62_167_219_200_000;
const LAST_MS = 253_402_300_799_999;

/**
 * Unix milliseconds of an RFC 3339 date-time, or null where it is none. Strict: the calendar date must exist, an offset
 * is needed, digits beyond the millisecond are cut off. A leap second (`:60`) is refused: Unix time has no place for
 * it, and clamping would answer with another time than was sent.
 */
export function parseRfc3339(text: string): number | null {
  const parts = RFC3339.exec(text)?.groups;
  if (parts === undefined) return null;
  const [year, month, day] = [Number(parts.year), Number(parts.month), Number(parts.day)];
  const [hour, minute, second] = [Number(parts.hour), Number(parts.minute), Number(parts.second)];
  const [offsetHour, offsetMinute] = [Number(parts.offsetHour ?? 0), Number(parts.offsetMinute ?? 0)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return null;

  // A day the month does not have leads into another month. Date.UTC would read the years 0 to 99 as 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1) return null;

  const milliseconds = Number((parts.fraction ?? "").slice(0, 3).padEnd(3, "0"));
  const offsetMs = (offsetHour * 60 + offsetMinute) * MINUTE_MS;
  const time = date.setUTCHours(hour, minute, second, milliseconds) + (parts.sign === "+" ? -offsetMs : offsetMs);
  return time < FIRST_MS || time > LAST_MS ? null : time;
}

/** RFC 3339 in UTC with milliseconds of a time in Unix milliseconds: the one form the gateway writes. */
export const formatRfc3339 = (ms: number): string => new Date(ms).toISOString();
