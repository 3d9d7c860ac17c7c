// Takes the pictures of the page that the README shows, from the real programs in
// a real browser:
//
//	node build/pictures/page.mjs FOLDER
//
// It writes page-light.png, page-dark.png, history.png and demo.png. The service
// runs with real tunnels to the lab's servers; only the day before in its history
// is made up, by build/pictures/day. It takes some six minutes.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { missing, quit, t, Tab } from "../e2e/page/browser.mjs";
import { Program, programs, root } from "../e2e/page/world.mjs";

const out = process.argv[2] && resolve(process.argv[2]);
if (!out || missing) {
  console.error(missing || "usage: node build/pictures/page.mjs FOLDER");
  process.exit(missing ? 0 : 2);
}
mkdirSync(out, { recursive: true });

const dir = mkdtempSync(join(tmpdir(), "holdfast-pictures-"));
process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
const env = {
  HOME: dir, XDG_CONFIG_HOME: join(dir, "config"), XDG_CACHE_HOME: join(dir, "cache"), XDG_RUNTIME_DIR: join(dir, "runtime"), NO_COLOR: "1",
};
mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 });
const { cli } = programs();
const running = [];
const run = (...args) => (running.unshift(new Program(args[0], args.slice(1), env)), running[0]);

/** What a Tab needs to know of a page. */
function page(url, socket) {
  const open = async () => execFileSync(cli, ["open", "--print", "--socket", socket], { env: { ...process.env, ...env }, encoding: "utf8" }).trim();
  return { url, open };
}

/** Writes what the tab shows, in a file that a README can carry. */
async function picture(tab, name, clip) {
  await tab.page.mouse.move(2, 2);
  const path = join(out, name + ".png");
  writeFileSync(path, await tab.page.screenshot({ animations: "disabled", clip, fullPage: Boolean(clip) }));
  // Fewer colours are a third of the bytes, and nobody sees them.
  execFileSync("convert", [path, "+dither", "-quantize", "YUV", "-treedepth", "8", "-colors", "256", "-define", "png:compression-level=9", "-strip", "PNG8:" + path]);
}

const look = { width: 1180, height: 760, deviceScaleFactor: 1.5, reducedMotion: "reduce" };

/** Starts a service that has run for a day, and opens its page. */
async function startDay() {
  const world = join(dir, "day");
  execFileSync("go", ["build", "-o", world, "./build/pictures/day"], { cwd: root, stdio: "inherit" });
  const { socket } = JSON.parse(await run(world, join(dir, "service")).line());
  const web = run(cli, "web", "--no-browser", "--json", "--socket", socket);
  const tab = await Tab.open(page(JSON.parse(await web.line()).url, socket), look);
  await tab.says("protected", 30_000);
  return tab;
}

async function day(tab) {
  await picture(tab, "page-light");
  await tab.page.emulateMedia({ colorScheme: "dark" });
  await tab.page.waitForTimeout(1_500);
  await picture(tab, "page-dark");
  await tab.page.emulateMedia({ colorScheme: "light" });
  await tab.go("history");
  await tab.page.getByText(t("history.range.day"), { exact: true }).click();
  await tab.page.getByText(t("history.outages"), { exact: true }).first().waitFor();
  await tab.page.waitForTimeout(2_500);
  await picture(tab, "history");
  await tab.close();
}

/** The demo, a moment after a server was broken. */
async function demo() {
  writeFileSync(join(dir, "calm.txt"), "1h end\n");
  const d = run(cli, "demo", "--json", "--script", join(dir, "calm.txt"));
  const { url, socket } = JSON.parse(await d.line()).page;
  const tab = await Tab.open(page(url, socket), { ...look, height: 800 });
  await tab.says("protected", 30_000);
  await tab.page.waitForTimeout(4_000);
  await tab.page.locator(".pills button").first().click();
  await tab.page.locator(".story").getByText(t("lab.turn.back"), { exact: true }).waitFor({ timeout: 30_000 });
  await tab.page.waitForTimeout(1_500);
  await picture(tab, "demo");
  await tab.close();
}

try {
  const began = Date.now(), tab = await startDay();
  await demo();
  // The graph shows five minutes: all of them shall be of the same traffic.
  await tab.page.waitForTimeout(Math.max(0, began + 315_000 - Date.now()));
  await day(tab);
} finally {
  for (const p of running) await p.end();
  await quit();
}
