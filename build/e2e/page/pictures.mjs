// Takes a picture of every view, light, dark, on a phone and from right to left:
//
//	node build/e2e/page/pictures.mjs FOLDER
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { missing, quit, t, Tab } from "./browser.mjs";
import { build, programs, start, until } from "./world.mjs";

const out = process.argv[2];
if (!out || missing) {
  console.error(missing || "usage: node build/e2e/page/pictures.mjs FOLDER");
  process.exit(missing ? 0 : 2);
}
if (process.env.HOLDFAST_PROGRAMS) build(process.env.HOLDFAST_PROGRAMS);
else programs();
mkdirSync(out, { recursive: true });

const looks = {
  light: {},
  dark: { scheme: "dark" },
  phone: { width: 320, height: 700 },
  "phone-dark": { width: 320, height: 700, scheme: "dark" },
  rtl: { rtl: true },
  de: { locale: "de-DE" },
};

const settled = (tab) => tab.page.waitForLoadState("networkidle", { timeout: 1_500 }).catch(() => {});

async function take(tab, look, name) {
  await settled(tab);
  await tab.page.screenshot({ path: join(out, `${name}-${look}.png`), fullPage: true, animations: "disabled" });
}

/** A tab that looks in one way. */
async function open(w, look) {
  const { rtl, ...how } = looks[look];
  const tab = await Tab.open(w, { ...how, session: false, deviceScaleFactor: 2, reducedMotion: "reduce" });
  if (rtl) await tab.page.addInitScript(() => sessionStorage.setItem("holdfast-dir", "rtl"));
  return tab;
}

async function views(w, look) {
  const tab = await open(w, look);
  await tab.page.goto(w.url);
  await tab.page.locator("#locked").waitFor();
  await take(tab, look, "locked");
  await tab.enter();
  for (const view of ["now", "history", "tunnels", "settings", "help"]) {
    await tab.go(view);
    await take(tab, look, view);
  }
  for (const [name, hash] of [["tunnel", "#/tunnels/oslo"], ["editor", "#/tunnels//new"], ["import", "#/tunnels//import"]]) {
    await tab.page.evaluate((hash) => { location.hash = hash; }, hash);
    await tab.page.locator("#view h1").first().waitFor();
    await take(tab, look, name);
  }
  await tab.close();
}

async function states(w, look) {
  const tab = await open(w, look);
  await tab.enter();
  for (const [state, commands] of [
    ["protected", []], ["offline", ["network off"]], ["stalled", ["network on", "break berlin blackhole", "break paris blackhole", "break oslo blackhole"]],
  ]) {
    for (const command of commands) await w.do(command);
    await tab.says(state, 40_000);
    await take(tab, look, state);
  }
  await w.do("heal");
  await w.api("POST", "disconnect");
  await tab.says("off");
  await take(tab, look, "off");
  await w.api("POST", "connect", { target: "home" });
  await w.reaches("protected", 60_000);
  await tab.close();
}

/** What the kill switch says. */
async function guards(look) {
  const w = await start({ service: "pretend" });
  try {
    const tab = await open(w, look);
    await tab.enter();
    const wish = { on: true, target: "home" };
    for (const [name, guard, more] of [
      ["signIn", { blocking: true }, { wish, overall: "sign-in needed" }], ["paused", { pausedUntil: "2026-03-01T12:05:00Z" }, { wish, overall: "sign-in needed" }],
      ["blocking", { blocking: true }, { wish, overall: "blocked" }], ["released", { released: true }, { wish, overall: "stalled" }],
      ["unverified", { verified: false }, { wish, overall: "connecting" }], ["always", { mode: "always", blocking: true }, { wish: { on: false }, overall: "blocked" }],
      ["unknown", { blocking: true }, { wish: { on: false }, overall: "blocked" }],
    ]) {
      await w.stand(guard, more);
      await tab.page.locator(`[data-guard="${name}"]`).waitFor();
      await take(tab, look, "guard-" + name);
    }
    await tab.close();
  } finally {
    await w.end();
  }
}

async function welcome(look) {
  const w = await start({ servers: ["berlin"] });
  try {
    const tab = await open(w, look);
    await tab.enter();
    await take(tab, look, "welcome");
    await tab.page.locator("input[type=file]").setInputFiles({ name: "berlin.conf", mimeType: "text/plain", buffer: Buffer.from(w.servers[0].config) });
    await tab.page.getByText(t("tunnels.carries.all")).or(tab.page.locator(".candidate")).first().waitFor();
    await take(tab, look, "welcome-import");
    await tab.close();
  } finally {
    await w.end();
  }
}

const w = await start({ servers: ["berlin", "paris", "oslo"], group: "home", up: true });
try {
  await w.reaches("protected");
  await w.do("upload");
  await w.do("break berlin blackhole"); // so that there is a history
  await until("a failover", () => w.event("failed_over"));
  await w.reaches("protected");
  await w.do("heal");
  for (const look of Object.keys(looks)) await views(w, look);
  for (const look of ["light", "dark", "phone", "de"]) await guards(look);
  for (const look of ["light", "dark", "phone"]) {
    await states(w, look);
    await welcome(look);
  }
} finally {
  await w.end();
  await quit();
}
