// Builds the programs once and runs the browser tests, all of them or the files
// that are named:
//
//	node build/e2e/page/run.mjs [now attack …]
//
// What fails gets a second try, as tests of real programs on a busy machine may;
// it is said, and what fails twice has failed. The last line counts.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, root } from "./world.mjs";

const here = import.meta.dirname;
const dir = process.env.HOLDFAST_PROGRAMS ?? join(root, "build/out/page");
build(dir);
const scratch = mkdtempSync(join(tmpdir(), "holdfast-tally-"));

/** Runs files and returns what it came to. A run that was ended before it could tell is one failure. */
function run(files) {
  const tally = join(scratch, "tally.json");
  rmSync(tally, { force: true });
  const ran = spawnSync(process.execPath, ["--test", "--test-concurrency=3", `--test-reporter=${join(here, "tally.mjs")}`, ...files], {
    stdio: "inherit", env: { ...process.env, HOLDFAST_PROGRAMS: dir, HOLDFAST_TALLY: tally, NODE_NO_WARNINGS: "1" },
  });
  try {
    const told = JSON.parse(readFileSync(tally, "utf8"));
    if (ran.status !== 0 && told.failed === 0) told.failed = 1;
    return told;
  } catch {
    return { passed: 0, failed: 1, skipped: 0, again: [] };
  }
}

const named = process.argv.slice(2);
const files = readdirSync(here).filter((f) => f.endsWith(".test.mjs") && (named.length === 0 || named.includes(f.split(".")[0])));
const first = run(files.map((f) => join(here, f)));
if (first.failed > 0 && first.again.length > 0) {
  console.log("once more: " + first.again.join(" "));
  const second = run(first.again);
  if (second.failed === 0 && second.passed > 0) {
    console.log(`${first.failed} failed at first and passed the second time`);
    first.passed += first.failed;
    first.failed = 0;
  }
}
rmSync(scratch, { recursive: true });
console.log(`browser: ${first.passed} passed, ${first.failed} failed, ${first.skipped} skipped`);
process.exit(first.failed > 0 || first.passed + first.skipped === 0 ? 1 : 0);
