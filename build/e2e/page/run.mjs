// Builds the programs once and runs the browser tests, all of them or the files
// that are named:
//
//	node build/e2e/page/run.mjs [now attack …]
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build, root } from "./world.mjs";

const here = import.meta.dirname;
const dir = process.env.HOLDFAST_PROGRAMS ?? join(root, "build/out/page");
build(dir);
const named = process.argv.slice(2);
const files = readdirSync(here).filter((f) => f.endsWith(".test.mjs") && (named.length === 0 || named.includes(f.split(".")[0])));
const ran = spawnSync(process.execPath, ["--test", "--test-concurrency=3", `--test-reporter=${join(here, "tally.mjs")}`, ...files.map((f) => join(here, f))], {
  stdio: "inherit", env: { ...process.env, HOLDFAST_PROGRAMS: dir, NODE_NO_WARNINGS: "1" },
});
process.exit(ran.status ?? 1);
