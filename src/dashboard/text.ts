// Bidirectional controls reorder what stands around them, others are invisible or end lines: a payload must not be
// able to make the page say something else than it holds. Tab and line feed are harmless.
const DECEPTIVE = /(?![\t\n])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb]/gu;

/** The text with every deceptive character written out as its code point, such as ⟦U+202E⟧. */
export const visible = (text: string): string =>
  text.replace(DECEPTIVE, (char) => `⟦U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟧`);

/** The beginning of a text, cut between characters, with an ellipsis where something is missing. */
export function shortened(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  const cut = text.slice(0, maxCharacters);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

export const formatDuration = (milliseconds: number): string =>
  milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(2)} s`;

/** Seconds as people say them: 45 s, 5 min, 2 h, 3 d. */
export function formatSeconds(seconds: number): string {
  for (const [unit, size] of [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
  ] as const)
    if (seconds >= size && seconds % size === 0) return `${seconds / size} ${unit}`;
  return `${seconds} s`;
}

/** Local time of day with milliseconds; the date in front unless it is today's. */
export function formatTime(rfc3339: string, now: Date): string {
  const time = new Date(rfc3339);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  const text = `${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  return time.toDateString() === now.toDateString() ? text : `${day} ${text}`;
}
