/**
 * Prints the last line of .ci/run, `N passed, N failed`, and ends with status 1 if anything failed.
 * Usage: node scripts/ci-counts.mjs <vitest's JSON report> <exit status of check> <exit status of the tests>
 */
import { readFileSync } from "node:fs";

const [file, checkStatus, testStatus] = process.argv.slice(2);

function readReport() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    // The run ended before it could write one.
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}

const { numPassedTests, numFailedTests, testResults } = readReport();
// A file that cannot be loaded, or whose hooks failed, has failed without a failed test in it.
const brokenFiles = testResults.filter(
  ({ status, assertionResults }) => status === "failed" && !assertionResults.some((test) => test.status === "failed"),
).length;
let failed = numFailedTests + brokenFiles;
// A run that ends badly though all its tests passed (an unhandled rejection, a crash) has failed, too.
if (testStatus !== "0" && failed === 0) failed = 1;
if (checkStatus !== "0") failed += 1;
console.log(`${numPassedTests} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
