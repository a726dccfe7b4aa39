import { untilHealthy } from "./http.mjs";
import { Explained } from "./main.mjs";
import { startGateway } from "./process.mjs";

/**
 * What wrangler says when a workerd of its two has crashed. It starts that one again, but where it was the one in front
 * no request is answered from then on: a whole new start is the reliable answer.
 */
const CRASH_LINE = "The Workers runtime crashed unexpectedly";
/** Output kept to explain a gateway that ends by itself. */
const LINES_KEPT = 30;
/** That many ends within the window are not bad luck any more. */
const RESTARTS_MAX = 3;
const RESTARTS_WINDOW_MS = 60_000;

/**
 * Keeps a gateway running: `wrangler dev` ends when its workerd crashes, and everything it had acknowledged is on
 * disk. `onUp` is called at each time it is healthy, `onDown` when it ended by itself, `onLine` for each line it says.
 */
export class Supervisor {
  #options;
  #gateway = null;
  #stopping = false;
  #lastLines = [];
  #ends = [];

  constructor(options) {
    this.#options = options;
  }

  /** Runs until `stop()`; rejects with an explanation when the gateway does not start or keeps ending. */
  async run() {
    while (!this.#stopping) {
      await this.#runOnce();
      if (this.#stopping) return;
      this.#countEnd();
      this.#options.onDown();
    }
  }

  /** Resolves when no process of the gateway is left. */
  async stop() {
    this.#stopping = true;
    await this.#gateway?.stop();
  }

  async #runOnce() {
    const { origin, port, stateDirectory, onUp } = this.#options;
    const gateway = startGateway({ port, stateDirectory, onLine: (line) => this.#heard(line) });
    this.#gateway = gateway;
    let running = true;
    const ended = gateway.exited.then(() => {
      running = false;
    });
    try {
      const healthy = await untilHealthy(origin, () => running && !this.#stopping);
      if (healthy) await onUp();
      else if (running && !this.#stopping) throw new Explained(this.#explain("The gateway does not answer."));
      await ended;
    } finally {
      // Whatever a crash left over would still hold the port and the state.
      await gateway.stop();
    }
  }

  #heard(line) {
    this.#lastLines.push(line);
    if (this.#lastLines.length > LINES_KEPT) this.#lastLines.shift();
    if (line.includes(CRASH_LINE)) this.#gateway?.stop();
    this.#options.onLine(line);
  }

  #countEnd() {
    const now = Date.now();
    this.#ends = [...this.#ends.filter((end) => end > now - RESTARTS_WINDOW_MS), now];
    if (this.#ends.length > RESTARTS_MAX) throw new Explained(this.#explain("The gateway keeps ending."));
  }

  #explain(what) {
    const said = this.#lastLines.filter((line) => !line.startsWith("{")).join("\n");
    return `${what} The last it said:\n\n${said}\n\nNothing that was acknowledged is lost. To see all it says: npm start -- --verbose`;
  }
}
