// Prints the page's figures: they are measured, never tested, since machines differ.
//
//	node build/e2e/page/figures.mjs
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { chromium, missing, quit, t, Tab } from "./browser.mjs";
import { build, programs, start, until } from "./world.mjs";

if (missing) {
  console.log("skipped: " + missing);
  process.exit(0);
}
if (process.env.HOLDFAST_PROGRAMS) build(process.env.HOLDFAST_PROGRAMS);
else programs();

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const say = (what, figure) => console.log(`${what.padEnd(68)} ${figure}`);

/** From the moment that the browser asks for the page to the first thing it shows, in ms. */
async function firstPaint(w, loads = 15) {
  const tab = await Tab.open(w);
  const paints = [], ready = [];
  for (let i = 0; i < loads; i++) {
    await tab.page.reload();
    await tab.page.locator("#view h1").first().waitFor();
    paints.push(await until("the first paint", () => tab.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime)));
    ready.push(await tab.page.evaluate(() => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd));
  }
  await tab.close();
  say(`first contentful paint, median of ${loads} loads`, `${median(paints).toFixed(0)} ms (longest ${Math.max(...paints).toFixed(0)})`);
}

/** How much of a core the tab's process needs while it shows the live figures. What else the machine does is not in it. */
async function tabAtRest(w, seconds = 20) {
  const system = await (await chromium()).newBrowserCDPSession();
  const renderers = async () => {
    const { processInfo } = await system.send("SystemInfo.getProcessInfo");
    return processInfo.filter((p) => p.type === "renderer").reduce((sum, p) => sum + p.cpuTime, 0);
  };
  for (const view of ["now", "history", "tunnels", "settings", "help"]) {
    const tab = await Tab.open(w, { view });
    const cdp = await tab.context.newCDPSession(tab.page);
    await cdp.send("Performance.enable");
    await tab.page.waitForTimeout(5_000); // what opening costs is not what staying costs
    const own = async () => {
      const { metrics } = await cdp.send("Performance.getMetrics");
      const of = (name) => metrics.find((m) => m.name === name).value;
      return { work: of("ScriptDuration") + of("LayoutDuration") + of("RecalcStyleDuration"), heap: of("JSHeapUsedSize") };
    };
    const from = await renderers(), began = await own(), at = Date.now();
    await tab.page.waitForTimeout(view === "now" ? seconds * 1000 : 8_000);
    const took = (Date.now() - at) / 1000, ended = await own();
    const percent = (s) => (100 * s / took).toFixed(2) + " %";
    // Without a graphics card the process paints, too: that is most of what it does.
    say(`tab on ${t("nav." + view)}, live: its process, its own work`,
      `${percent(await renderers() - from)} of a core, ${percent(ended.work - began.work)}, heap ${(ended.heap / 1e6).toFixed(1)} MB`);
    await tab.close();
  }
}

/** Resident memory of a process, in MB. */
const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

/** What 200 streams at once add to the service. */
async function manyStreams(w, many = 200) {
  const pid = (w.service ?? w.lab).pid;
  const before = rss(pid);
  const streams = await Promise.all(Array.from({ length: many }, () => new Promise((done, no) => {
    const r = get({ socketPath: w.socket, path: "/api/v1/stream?figures=true", headers: { Host: "holdfast", Accept: "text/event-stream" } }, (reply) => {
      if (reply.statusCode !== 200) return no(new Error("a stream was refused: " + reply.statusCode));
      reply.on("error", () => {});
      let heard = 0;
      reply.on("data", (text) => (heard += String(text).includes("figures")));
      done({ r, heard: () => heard });
    });
    r.on("error", () => {});
  })));
  await until("every stream to tell figures", () => streams.every((s) => s.heard() >= 3), 60_000);
  const during = rss(pid);
  for (const s of streams) s.r.destroy();
  say(`${many} streams at once: the service's memory`, `${before.toFixed(1)} MB → ${during.toFixed(1)} MB (+${(during - before).toFixed(1)} MB)`);
}

/** How long the history takes from the click until its picture is there. That of a year is measured beside the store. */
async function history(w) {
  const tab = await Tab.open(w), times = [];
  for (let i = 0; i < 5; i++) {
    await tab.go("now");
    const drawn = tab.page.evaluate(() => new Promise((done) => {
      addEventListener("hashchange", () => {
        const from = performance.now();
        const look = () => (document.querySelector("#view .plot svg") ? done(performance.now() - from) : requestAnimationFrame(look));
        look();
      }, { once: true });
    }));
    await tab.go("history");
    times.push(await drawn);
  }
  await tab.close();
  say("history, from the click until it is drawn, median of 5", `${median(times).toFixed(0)} ms`);
}

const w = await start({ servers: ["berlin", "paris", "oslo"], group: "home", up: true });
try {
  await w.reaches("protected");
  await chromium();
  await firstPaint(w);
  await tabAtRest(w);
  await manyStreams(w);
  await history(w);
} finally {
  await w.end();
  await quit();
}
