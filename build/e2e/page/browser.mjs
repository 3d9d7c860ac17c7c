// A tab of a real browser, with everything in it collected that must not
// happen: errors on its console, reports of its content security policy,
// requests that fail, and requests to anyone but the page's own host.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { patience, root, start, until } from "./world.mjs";

const executable = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why no browser can be had; false: one can. */
export const missing =
  (!existsSync(executable) && `there is no ${executable} (set CHROMIUM)`) ||
  (!existsSync(join(root, "web/node_modules/playwright-core")) && "there is no playwright-core: run npm ci --ignore-scripts in web");

/** A package of web/node_modules. */
export const lib = createRequire(join(root, "web/package.json"));

const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Names that mean nothing outside the browser: pages under attack by another name. */
const names = "MAP rebind.test 127.0.0.1 , MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost , EXCLUDE 0.0.0.0";

let launched;

/** The browser of this process. It is started when it is first asked for. */
export function chromium() {
  return (launched ??= lib("playwright-core").chromium.launch({ executablePath: executable, args: [...flags, `--host-resolver-rules=${names}`] }));
}

/** Ends it; a file's last hook. */
export async function quit() {
  if (launched) await (await launched).close();
  launched = undefined;
}

/** The words of a language, as the page has them. */
export function words(tag) {
  const all = JSON.parse(readFileSync(join(root, "web/src/words", tag + ".json"), "utf8"));
  return (key, fill = {}) => {
    assert.ok(key in all, `the page has no words for ${key}`);
    return all[key].replace(/\{(\w+)\}/g, (_, name) => String(fill[name] ?? ""));
  };
}

export const t = words("en");

/**
 * One journey: a world of its own, or one that is there already; a tab with a
 * session; and at the end a look at what must not have happened. skip: why it cannot be made.
 */
export function journey(name, { world, page = {}, timeout = 90_000, skip = false }, run) {
  test(name, { skip: missing || skip, timeout }, async (context) => {
    const shared = typeof world === "function";
    const w = shared ? await world() : await start(world);
    const tabs = [];
    const visit = async (how = {}) => {
      const tab = await Tab.open(w, { ...page, ...how });
      tabs.push(tab);
      return tab;
    };
    try {
      const tab = page === null ? null : await visit();
      await run({ w, tab, visit, context });
      for (const each of tabs) each.judge();
    } catch (err) {
      // What went wrong in the tab may be the reason.
      for (const line of tabs.flatMap((each) => each.wrong).slice(0, 10)) context.diagnostic(`${name}: ${line.slice(0, 500)}`);
      throw err;
    } finally {
      for (const each of tabs) await each.close();
      if (!shared) await w.end();
    }
  });
}

/** A tab with a session of its own. */
export class Tab {
  #wrong = [];
  #expected = [];

  constructor(w, context, page, language) {
    Object.assign(this, { w, context, page, t: words(language) });
  }

  /**
   * Opens one: width and height in pixels; scheme "light" or "dark"; locale, as "de-DE"; session: false
   * for none; within: another tab, whose browser window it shares. The rest is a context's own.
   */
  static async open(w, { width = 1280, height = 900, scheme = "light", locale = "en-GB", session = true, within, view = "", browser, ...rest } = {}) {
    const context = within?.context ?? await (browser ?? await chromium()).newContext({
      viewport: { width, height }, colorScheme: scheme, locale, timezoneId: "Europe/Berlin", acceptDownloads: true, ...rest,
    });
    context.setDefaultTimeout(patience);
    const tab = new Tab(w, context, await context.newPage(), locale.slice(0, 2));
    await tab.#watch();
    if (session) await tab.enter(view);
    return tab;
  }

  async #watch() {
    await this.page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample}`), true);
      new ReportingObserver((all) => all.forEach((r) => console.error(`report: ${r.type} ${JSON.stringify(r.body)}`)), { buffered: true }).observe();
    });
    this.page.on("console", (m) => ["error", "warning"].includes(m.type()) && this.#wrong.push(`console: ${m.text()} ${m.location().url}`));
    this.page.on("pageerror", (err) => this.#wrong.push("script: " + err.stack));
    this.page.on("dialog", (d) => (this.#wrong.push("dialog: " + d.message()), void d.dismiss()));
    this.page.on("request", (r) => {
      if (!/^(file|data|blob|about):/.test(r.url()) && new URL(r.url()).origin !== new URL(this.w.url).origin) this.#wrong.push("stranger: " + r.url());
    });
    this.page.on("requestfailed", (r) => {
      // The page ends its streams itself, when it is hidden or speaks another language.
      const ended = r.failure()?.errorText === "net::ERR_ABORTED";
      if (!ended) this.#wrong.push(`request: ${r.method()} ${r.url()} ${r.failure()?.errorText}`);
    });
  }

  /** Opens the page with a fresh code, as holdfast open does. */
  async enter(view = "") {
    await this.page.goto(await this.w.open());
    await this.page.waitForURL(this.w.url + "**");
    await this.page.locator("#view h1").first().waitFor().catch(async (err) => {
      throw new Error(`the page at ${this.page.url()} shows ${JSON.stringify(await this.page.locator("body").innerText())}`, { cause: err });
    });
    if (view) await this.go(view);
  }

  /** Follows the way to a view. */
  async go(view) {
    await this.page.getByRole("navigation").getByRole("link", { name: this.t("nav." + view), exact: true }).click();
    await this.page.locator(`nav a[aria-current=page][href^="#/${view}"]`).waitFor();
    await this.page.locator("#view h1").first().waitFor();
  }

  button(key, fill) { return this.page.getByRole("button", { name: this.t(key, fill), exact: true }); }

  /** Waits until the page says how things stand in this word. */
  async says(state, timeout = patience) {
    await this.page.getByRole("heading", { level: 1, name: this.t("state." + state), exact: true }).waitFor({ timeout });
  }

  async reads(text, timeout = patience) { await this.page.locator("#view").getByText(text).first().waitFor({ timeout }); }

  /**
   * The moment, in ms of the clock that the service reads as well, at which the document first shows text
   * in what the selector finds. It is asked for before that can happen.
   */
  sees(selector, text) {
    return this.page.evaluate(([selector, text]) => new Promise((done) => {
      const look = () => {
        if (![...document.querySelectorAll(selector)].some((e) => e.textContent.includes(text))) return;
        watch.disconnect();
        done(Date.now());
      };
      const watch = new MutationObserver(look);
      watch.observe(document, { subtree: true, childList: true, characterData: true });
      look();
    }), [selector, text]);
  }

  /** Lets what would be wrong elsewhere pass, in this test. */
  expects(...patterns) { this.#expected.push(...patterns); }

  get wrong() { return this.#wrong.filter((line) => !this.#expected.some((p) => p.test(line))); }

  judge() { assert.deepEqual(this.wrong, [], "what must not happen in a tab"); }

  /** Presses Tab until what is focused has this role and name, as a person without a mouse does. */
  async focus(locator, most = 120) {
    const there = () => locator.first().evaluate((e) => e === document.activeElement).catch(() => false);
    for (let i = 0; i < most; i++) {
      if (await there()) return;
      await this.page.keyboard.press("Tab");
    }
    throw new Error("not reached by Tab: " + locator);
  }

  /** Presses a control by keyboard alone. */
  async press(locator, key = "Enter") {
    await locator.first().waitFor();
    await this.focus(locator);
    await this.page.keyboard.press(key);
  }

  /** Says that the tab is hidden, or that it is seen again, as a browser does. */
  async hide(hidden) {
    await this.page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (hidden ? "hidden" : "visible") });
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
    }, hidden);
  }

  async close() {
    if (this.page.isClosed()) return;
    const others = this.context.pages().length > 1;
    await (others ? this.page.close() : this.context.close());
  }
}

export { until };
