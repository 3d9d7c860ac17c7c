// What a run of the browser tests says: what failed and why, what was skipped,
// what tests wished to tell. What it came to goes to the file HOLDFAST_TALLY.
import { writeFileSync } from "node:fs";

export default async function* tally(events) {
  let passed = 0, failed = 0;
  const skipped = new Set(), again = new Set();
  for await (const { type, data } of events) {
    const suite = data.details?.type === "suite";
    if (type === "test:diagnostic" && !/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message)) yield `${data.message}\n`;
    if (type === "test:stderr" && !/ExperimentalWarning|--trace-warnings/.test(data.message)) yield data.message;
    if (type === "test:pass" && !suite) {
      if (data.skip) skipped.add(`${data.name}: ${data.skip}`);
      else passed++;
      if (!data.skip) yield `pass ${seconds(data)}  ${data.name}\n`;
    }
    if (type === "test:fail") {
      const cause = data.details.error?.cause ?? data.details.error;
      again.add(data.file);
      if (!suite) failed++;
      else if (data.details.error?.failureType === "subtestsFailed") continue;
      yield `FAIL ${seconds(data)}  ${data.name}\n${String(cause?.stack ?? cause).replace(/^/gm, "      ")}\n`;
    }
  }
  for (const line of skipped) yield `skipped ${line}\n`;
  writeFileSync(process.env.HOLDFAST_TALLY, JSON.stringify({ passed, failed, skipped: skipped.size, again: [...again] }));
}

const seconds = (data) => (data.details.duration_ms / 1000).toFixed(1).padStart(6) + "s";
