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
 * What one of the gateway's structured log lines (see src/log.ts) says about deliveries: attempts that were reported
 * together, or that one was given up. Nothing for every other line.
 */
export function parseDeliveries(line) {
  if (!line.startsWith("{")) return [];
  try {
    const { attempts, ...fields } = JSON.parse(line);
    if (fields.event === "attempts") {
      return attempts.filter(({ outcome }) => outcome in OUTCOMES).map((attempt) => ({ ...fields, ...attempt }));
    }
    return fields.event === "settled" && fields.as === "dead" ? [{ ...fields, outcome: "dead" }] : [];
  } catch {
    return [];
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
