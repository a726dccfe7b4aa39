import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Whether the module of that URL is the one node was started with, not one that was imported. */
export const isMain = (url) =>
  process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(url));

/** A failure whose message is meant for the person at the terminal and says what to do next: shown without a stack. */
export class Explained extends Error {}

/** Runs a command's main function; an Explained failure is printed as it is, and ends the process with status 1. */
export async function runMain(main) {
  try {
    process.exitCode = (await main()) ?? process.exitCode;
  } catch (error) {
    if (!(error instanceof Explained)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}
