const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const TIME = "(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})";
/** RFC 9110 section 5.6.7: the present form, and the two obsolete ones a recipient must still accept. */
const FORMS = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>\\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\\d{2}) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];

/**
 * Unix milliseconds of an HTTP date, or null where it is none. `nowMs` settles the century of a two-digit year: one that
 * would be more than 50 years ahead is of the century before (RFC 9110 section 5.6.7). The name of the weekday is not
 * compared with the date: it adds nothing.
 */
export function parseHttpDate(text: string, nowMs: number): number | null {
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups;
    if (parts !== undefined) return toTime(parts, nowMs);
  }
  return null;
}

function toTime(parts: Readonly<Record<string, string>>, nowMs: number): number | null {
  const month = MONTHS.indexOf(parts.month ?? "");
  const [day, hour, minute, second] = [
    Number(parts.day),
    Number(parts.hour),
    Number(parts.minute),
    Number(parts.second),
  ];
  // A leap second, 60, is in the grammar; it is the first of the next minute.
  if (month === -1 || hour > 23 || minute > 59 || second > 60) return null;
  const date = new Date(0);
  date.setUTCFullYear(fullYear(parts.year ?? "", nowMs), month, day);
  if (date.getUTCMonth() !== month) return null;
  return date.setUTCHours(hour, minute, second);
}

function fullYear(digits: string, nowMs: number): number {
  if (digits.length === 4) return Number(digits);
  const present = new Date(nowMs).getUTCFullYear();
  const year = present - (present % 100) + Number(digits);
  return year > present + 50 ? year - 100 : year;
}
