// Settings: changed, refused and reset; the page's own language and look; and
// what the person wants to be told.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { journey, missing, quit, t, words } from "./browser.mjs";
import { start, until } from "./world.mjs";

let w;

const kept = async (key) => (await w.api("GET", "settings")).settings.find((s) => s.key === key);

const prefs = (tab) =>
  tab.page.evaluate(async () => (await fetch("/agent/v1/prefs", { headers: { Authorization: "Bearer " + sessionStorage.getItem("holdfast-session") } })).json());

/** The input of a setting, wherever it is folded away. */
async function field(tab, key) {
  const input = tab.page.locator("#setting-" + key);
  await input.waitFor({ state: "attached" });
  await input.evaluate((e) => { const d = e.closest("details"); if (d) d.open = true; });
  return input;
}

describe("settings", { skip: missing }, () => {
  before(async () => {
    w = await start({ servers: ["berlin"], group: "home", up: true });
    await w.reaches("protected");
  });
  after(async () => {
    await w?.end();
    await quit();
  });
  const world = () => w;
  const page = { view: "settings" };

  journey("are changed, refused and reset", { world, page }, async ({ tab }) => {
    tab.expects(/400|422|Bad Request|Unprocessable/);
    const { default: usual } = await kept("minimum_hold");
    const hold = await field(tab, "minimum_hold");
    const shown = await hold.inputValue();
    await hold.fill("90");
    await hold.press("Tab");
    await until("the change", async () => (await kept("minimum_hold")).value !== usual);
    const changed = (await kept("minimum_hold")).value;
    for (const nonsense of ["99999999", "-1", "soon", "<b>1</b>"]) {
      await hold.fill(nonsense);
      await hold.press("Enter");
      await hold.press("Tab");
      await tab.page.locator("#setting-minimum_hold-wrong").waitFor();
      assert.equal(await hold.getAttribute("aria-invalid"), "true", nonsense);
      assert.equal((await kept("minimum_hold")).value, changed, nonsense);
      await hold.press("Escape");
      await tab.page.locator("#setting-minimum_hold-wrong").waitFor({ state: "detached" });
    }
    const row = tab.page.locator(".set").filter({ has: hold });
    await row.getByRole("button").filter({ hasText: t("settings.reset") }).click();
    await until("the default", async () => (await kept("minimum_hold")).value === usual);
    await until("the input", async () => (await hold.inputValue()) === shown);
    assert.ok(await hold.evaluate((e) => e === document.activeElement), "the focus is at the setting");
  });

  journey("are changed by keyboard alone", { world, page }, async ({ tab }) => {
    const before = (await kept("profile")).value;
    const radio = tab.page.getByRole("radio", { checked: true }).and(tab.page.locator("[name=profile]"));
    await tab.focus(radio);
    await tab.page.keyboard.press("ArrowDown");
    await until("another profile", async () => (await kept("profile")).value !== before);
    await tab.page.keyboard.press("ArrowUp");
    await until("the one before", async () => (await kept("profile")).value === before);
  });

  journey("show what was changed elsewhere", { world, page }, async ({ tab }) => {
    const hold = await field(tab, "minimum_hold");
    const shown = await hold.inputValue();
    await w.api("PATCH", "settings", { minimum_hold: "75s" });
    await until("the change", async () => (await hold.inputValue()) !== shown);
    await w.api("PATCH", "settings", { minimum_hold: "60s" });
    await until("the change back", async () => (await hold.inputValue()) === shown);
  });

  journey("of the person: the language, at once and for good", { world, page }, async ({ tab, visit }) => {
    const de = words("de");
    await tab.page.locator("#language").selectOption("de");
    await tab.page.getByRole("heading", { level: 1, name: de("nav.settings"), exact: true }).waitFor();
    assert.equal(await tab.page.evaluate(() => document.documentElement.lang), "de");
    await tab.page.getByRole("link", { name: de("nav.now"), exact: true }).click();
    await tab.page.getByRole("heading", { level: 1, name: de("state.protected"), exact: true }).waitFor();
    const other = await visit({ view: "", locale: "en-GB" });
    await other.page.getByRole("heading", { level: 1, name: de("state.protected"), exact: true }).waitFor();
    await other.page.getByRole("link", { name: de("nav.settings"), exact: true }).click();
    await other.page.locator("#language").selectOption("auto");
    await other.page.getByRole("heading", { level: 1, name: t("nav.settings"), exact: true }).waitFor();
  });

  journey("of the person: the theme, at once and for good", { world, page }, async ({ tab }) => {
    const ink = () => tab.page.evaluate(() => getComputedStyle(document.body).color);
    const light = await ink();
    await tab.page.locator("#theme").selectOption("dark");
    await until("the dark look", async () => (await ink()) !== light);
    const dark = await ink();
    await tab.page.reload();
    await tab.page.locator("#theme").waitFor();
    assert.equal(await ink(), dark);
    await tab.page.locator("#theme").selectOption("auto");
    await until("the light look", async () => (await ink()) === light);
    await tab.page.emulateMedia({ colorScheme: "dark" });
    await until("the system's look", async () => (await ink()) === dark);
  });

  journey("of the person: what is told, and when", { world, page }, async ({ tab }) => {
    const failover = tab.page.locator("#notify-failover");
    await failover.uncheck();
    await until("it to be kept", async () => (await prefs(tab)).notify.kinds.failover === false);
    await tab.button("toast.undo").last().click();
    await until("it to be taken back", async () => (await prefs(tab)).notify.kinds.failover === true);
    await tab.page.locator("#notify").uncheck();
    await failover.waitFor({ state: "detached" });
    await tab.page.locator("#notify").check();
    await failover.waitFor();
    assert.equal((await prefs(tab)).notify.enabled, true);
  });

  journey("close this page, and nothing is left of it", { world, page }, async ({ tab }) => {
    tab.expects(/401|Unauthorized|ERR_INCOMPLETE_CHUNKED/);
    const mine = tab.page.locator("li.set").filter({ hasText: t("settings.session.this") });
    await tab.press(mine.getByRole("button"));
    await tab.press(tab.page.getByRole("dialog").getByRole("button", { name: t("settings.session.end"), exact: true }));
    await tab.page.locator("#locked").waitFor();
    assert.equal(await tab.page.evaluate(() => sessionStorage.length), 0);
  });
});
