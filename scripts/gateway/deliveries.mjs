import * as util from "node:util";

const coloured = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

/** Colours for a terminal only; styleText came with Node 20.12. */
export const paint = (style, text) => (coloured && util.styleText !== undefined ? util.styleText(style, text) : text);

const OUTCOMES = {
  success: { mark: "✓", word: "delivered", style: "green" },
  failure: { mark: "✗", word: "failed", style: "red" },
  interrupted: { mark: "…", word: "interrupted", style: "yellow" },
};

/** The structured log line of an attempt (see src/log.ts), or null for every other line. */
export function parseAttempt(line) {
  if (!line.startsWith("{")) return null;
  try {
    const fields = JSON.parse(line);
    return fields.event === "attempt" && fields.outcome in OUTCOMES ? fields : null;
  } catch {
    return null;
  }
}

/** One line for people about one attempt. `name` is what the subscription is called. */
export function deliveryLine(attempt, name, time) {
  const { mark, word, style } = OUTCOMES[attempt.outcome];
  const answer = attempt.statusCode ?? attempt.errorCode ?? "no answer";
  return [
    paint("dim", time.toTimeString().slice(0, 8)),
    paint(style, `${mark} ${word.padEnd(11)}`),
    `${attempt.topic} #${attempt.offset} → ${paint("bold", name)}`,
    paint("dim", `attempt ${attempt.attempt} (${attempt.trigger})`),
    paint(style, String(answer)),
    paint("dim", `in ${attempt.durationMilliseconds ?? "?"} ms`),
  ].join("  ");
}
