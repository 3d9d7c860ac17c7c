// Five hundred texts that mean ill, in every value that the service hands on:
// the page shows them as text, and nothing else comes of them.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { journey, missing, quit, t } from "./browser.mjs";
import { payloads } from "./payloads.mjs";
import { pose } from "./upstream.mjs";
import { start, until } from "./world.mjs";

/** How many are looked at together: what one status holds is drawn anew with each. */
const many = 140, few = 12;

let real, w, posed;

after(quit);

/** Elements that the page is made of. What a text could bring is not among them. */
const own = ["A", "ARTICLE", "ASIDE", "B", "BDI", "BR", "BUTTON", "CANVAS", "CIRCLE", "CODE", "DATALIST", "DD", "DETAILS", "DIALOG", "DIV", "DL", "DT", "EM", "FIELDSET", "FIGCAPTION",
  "FIGURE", "FOOTER", "FORM", "G", "H1", "H2", "H3", "H4", "HEADER", "I", "IMG", "INPUT", "KBD", "LABEL", "LEGEND", "LI", "LINE", "MAIN", "NAV", "OL", "OPTGROUP", "OPTION", "OUTPUT", "P",
  "PATH", "PATTERN", "POLYLINE", "PRE", "PROGRESS", "RECT", "SECTION", "SELECT", "SMALL", "SPAN", "STRONG", "SUMMARY", "SVG", "TABLE", "TBODY", "TD", "TEXT", "TEXTAREA", "TH", "THEAD", "TIME", "TITLE", "TR", "UL"];

/** What in the page is not of its own making. */
const alien = (tab) =>
  tab.page.evaluate((own) => [...document.querySelectorAll("#app *")].filter((e) => {
    if (!own.includes(e.tagName.toUpperCase())) return true;
    if ([...e.attributes].some((a) => a.name.startsWith("on") || a.name === "srcdoc" || a.name === "formaction")) return true;
    const url = e.getAttribute("href") ?? e.getAttribute("src") ?? e.getAttribute("action");
    return url !== null && !/^(#|\/assets\/|data:image\/svg)/.test(url);
  }).map((e) => e.outerHTML.slice(0, 200)), own);

/** Which of the texts the page does not have, to the letter. */
const lacking = (tab, selector, wanted) =>
  tab.page.evaluate(([selector, wanted]) => {
    const text = [...document.querySelectorAll(selector)].map((e) => e.textContent).join("\n");
    return wanted.filter((s) => !text.includes(s));
  }, [selector, wanted]);

const shows = (tab, selector, wanted = payloads) =>
  until("all the texts in " + selector, async () => (await lacking(tab, selector, wanted)).length === 0).catch(async () =>
    assert.deepEqual((await lacking(tab, selector, wanted)).slice(0, 5), []));

describe("texts that mean ill", { skip: missing }, () => {
  before(async () => {
    real = await start({ servers: ["berlin", "paris"], group: "home", up: true, web: null });
    await real.reaches("protected");
    const socket = join(real.dir, "run", "posed.sock");
    posed = await pose(socket, real.socket);
    posed.shown = payloads.slice(0, few);
    w = await start({ service: "none", socket });
  });
  after(async () => {
    await w?.end();
    await posed?.close();
    await real?.end();
  });
  const world = () => w;
  // Nothing they name exists, and nothing they call is defined: a call of it would be an error in the tab.
  const timeout = 120_000;

  async function nothing(tab) {
    assert.deepEqual(await alien(tab), []);
    assert.equal(await tab.page.evaluate(() => typeof window.pwned), "undefined");
    assert.equal(new URL(tab.page.url()).origin, new URL(w.url).origin);
  }

  for (let from = 0; from < payloads.length; from += many) {
    const wanted = payloads.slice(from, from + many);
    journey(`are shown as text in notices and members: ${from + 1} to ${from + wanted.length}`, { world, timeout, page: null }, async ({ visit }) => {
      posed.shown = wanted;
      const tab = await visit();
      for (const part of [".notice h2", ".notice p", ".notice .advice", ".notice small", ".members b"]) await shows(tab, part, wanted);
      await shows(tab, ".numbers dd", [payloads[5]]);
      await nothing(tab);
      posed.shown = payloads.slice(0, few);
    });
  }

  journey("are shown as text in the history", { world, timeout }, async ({ tab }) => {
    await tab.go("history");
    await shows(tab, "#view");
    await nothing(tab);
  });

  journey("are shown as text in tunnels and groups", { world, timeout }, async ({ tab }) => {
    await tab.go("tunnels");
    await shows(tab, "#view ul.members b");
    await nothing(tab);
  });

  journey("are shown as text in settings", { world, timeout }, async ({ tab }) => {
    await tab.go("settings");
    await tab.page.waitForLoadState("networkidle", { timeout: 3_000 }).catch(() => {});
    await nothing(tab);
  });

  journey("are shown as text in the log and in a diagnosis", { world, timeout }, async ({ tab }) => {
    tab.expects(/404.*diagnosis$/);
    await tab.go("help");
    await tab.page.waitForLoadState("networkidle", { timeout: 3_000 }).catch(() => {});
    await nothing(tab);
  });

  journey("are shown as text in what is refused", { world, timeout, page: null }, async ({ visit }) => {
    posed.calm = true;
    const tab = await visit();
    tab.expects(/409|Conflict/);
    const button = tab.button("now.reconnect");
    for (let i = 0; i < payloads.length; i += 6) {
      posed.refuse = payloads[i];
      await button.click();
      await shows(tab, ".toast", [payloads[i]]);
    }
    Object.assign(posed, { refuse: null, calm: false });
    await nothing(tab);
  });
});

// What the test rests on: a text that is taken for more than text is found out.
journey("a page that took them for more than text would be found out", { world: { service: "none" }, page: null }, async ({ visit }) => {
  const tab = await visit({ session: false });
  await tab.page.goto(tab.w.url);
  const refused = await tab.page.evaluate(() => {
    const app = document.createElement("div"), image = document.createElement("img");
    app.id = "app";
    image.src = "x";
    app.append(image);
    document.body.append(app);
    // Not even a script of the page's own could make more of a text.
    return [() => { app.innerHTML = "<b>text</b>"; }, () => image.setAttribute("onerror", "pwned()")].map((f) => {
      try { f(); return "done"; } catch { return "refused"; }
    });
  });
  assert.deepEqual(refused, ["refused", "refused"]);
  assert.equal((await alien(tab)).length, 1);
  await until("the reports", () => tab.wrong.filter((line) => /policy: require-trusted-types-for/.test(line)).length >= 2);
  tab.expects(/./);
});
