import * as util from "node:util";

const coloured = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

/** Colours for a terminal only; styleText came with Node 20.12. */
export const paint = (style, text) => (coloured && util.styleText !== undefined ? util.styleText(style, text) : text);

const OUTCOMES = {
  success: { mark: "✓", word: "delivered", style: "green" },
  failure: { mark: "✗", word: "failed", style: "red" },
  dead: { mark: "■", word: "dead letter", style: "magenta" },
};

/**
 * What the gateway's structured log lines (see src/log.ts) say about a delivery: an attempt, or that it was given up.
 * null for every other line.
 */
export function parseDelivery(line) {
  if (!line.startsWith("{")) return null;
  try {
    const fields = JSON.parse(line);
    if (fields.event === "attempt" && fields.outcome in OUTCOMES) return fields;
    return fields.event === "settled" && fields.as === "dead" ? { ...fields, outcome: "dead" } : null;
  } catch {
    return null;
  }
}

/** One line for people. `name` is what the subscription is called, `time` when it was heard. */
export function deliveryLine(delivery, name, time) {
  const { mark, word, style } = OUTCOMES[delivery.outcome];
  return [
    paint("dim", time.toTimeString().slice(0, 8)),
    paint(style, `${mark} ${word.padEnd(11)}`),
    `${paint("bold", name)}  ${delivery.eventId}`,
    delivery.outcome === "dead" ? delivery.reason : attemptPart(delivery),
  ].join("  ");
}

function attemptPart({ topic, offset, attempt, trigger, statusCode, errorCode, durationMilliseconds }) {
  const answer = statusCode ?? errorCode ?? "no answer";
  return `${topic} #${offset}, attempt ${attempt} (${trigger}): ${answer} in ${durationMilliseconds} ms`;
}
