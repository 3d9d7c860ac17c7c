// The history: what happened is there, opens to what it rests on, and leaves as
// a file. And the page of help, which finds out what is wrong.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe } from "node:test";
import { journey, missing, quit, t } from "./browser.mjs";
import { start, until } from "./world.mjs";

let w;

const saved = async (tab, act) => {
  const download = tab.page.waitForEvent("download");
  await act();
  const file = await download;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
};

describe("what was", { skip: missing }, () => {
  before(async () => {
    w = await start({ servers: ["berlin", "paris"], group: "home", up: true });
    await w.reaches("protected");
    await w.do("break berlin blackhole");
    await until("the failover", () => w.event("failed_over"));
    await w.do("heal");
  });
  after(async () => {
    await w?.end();
    await quit();
  });
  const world = () => w;

  journey("is listed, and opens to its evidence", { world, page: { view: "history" } }, async ({ tab }) => {
    const { sentence } = await w.event("failed_over");
    const entry = tab.page.locator("details.event").filter({ hasText: sentence.split(".")[0] }).first();
    await entry.waitFor();
    await tab.press(entry.locator("summary"));
    await entry.locator(".evidence").getByText("berlin").first().waitFor();
    await entry.getByText(t("history.around")).waitFor();
    const events = tab.page.locator("details.event");
    const all = await events.count();
    await tab.page.getByRole("radio", { name: t("history.kinds.switches") }).check({ force: true });
    await until("the switches alone", async () => (await events.count()) < all);
    await entry.waitFor();
    await tab.page.getByLabel(t("history.search")).fill("nothing of the kind");
    await tab.page.getByText(t("history.noMatch")).waitFor();
    await tab.button("history.clear").click();
    await until("all of them", async () => (await events.count()) >= all);
  });

  journey("is told as it happens", { world, page: { view: "history" } }, async ({ tab }) => {
    await tab.page.locator("details.event").first().waitFor();
    const before = await tab.page.locator("details.event").count();
    await w.api("PATCH", "settings", { minimum_hold: "61s" });
    const fresh = tab.page.locator(".fresh button");
    await until("the event", async () => (await fresh.count()) > 0 || (await tab.page.locator("details.event").count()) > before);
  });

  journey("is drawn for every length of time", { world, page: { view: "history" } }, async ({ tab }) => {
    for (const range of ["week", "month", "year", "day"]) {
      await tab.page.getByRole("radio", { name: t("history.range." + range), exact: true }).check({ force: true });
      await tab.page.locator("#view svg").first().waitFor();
      await until("the numbers", async () => (await tab.page.locator("#view .numbers dd").count()) >= 4);
    }
  });

  journey("leaves as CSV and as JSON", { world, page: { view: "history" } }, async ({ tab }) => {
    await tab.page.locator("details.event").first().waitFor();
    const csv = await saved(tab, () => tab.button("history.csv").click());
    assert.match(csv.name, /\.csv$/);
    assert.match(csv.bytes.toString(), /failed_over/);
    const json = await saved(tab, () => tab.button("history.json").click());
    assert.match(json.name, /json$/);
    assert.match(json.bytes.toString(), /failed_over/);
  });

  journey("a diagnosis runs step by step", { world, page: { view: "help" }, timeout: 120_000 }, async ({ tab }) => {
    tab.expects(/404.*diagnosis$/); // before the first there is none
    await tab.press(tab.button("help.run"));
    await tab.page.locator("#diagnosis .checks li").first().waitFor();
    await tab.page.locator("#diagnosis article").waitFor({ timeout: 60_000 });
    assert.equal(await tab.page.locator('#diagnosis [data-result="running"]').count(), 0);
    const found = await w.api("GET", "diagnosis");
    await tab.page.locator("#diagnosis article").getByText(found.title).first().waitFor();
    assert.equal(await tab.page.locator("#diagnosis .checks li").count(), found.checks.length);
  });

  journey("the log is there, and can be searched", { world, page: { view: "help" } }, async ({ tab }) => {
    tab.expects(/404.*diagnosis$/);
    await tab.page.locator("#log").getByText(/holdfast|tunnel|engine|asked/i).first().waitFor();
    await tab.page.locator("#log input").first().fill("no line says this");
    await until("no line", async () => !(await tab.page.locator("#log").innerText()).includes("berlin"));
  });

  journey("the bundle is looked into before it is saved, and holds no key", { world, page: { view: "help" } }, async ({ tab }) => {
    tab.expects(/404.*diagnosis$/);
    await tab.button("help.bundle.make").click();
    const dialog = tab.page.getByRole("dialog");
    await dialog.locator("details").first().waitFor();
    await dialog.locator("summary").first().click();
    await dialog.locator("pre").first().waitFor();
    const secrets = w.servers.flatMap((s) => [...s.config.matchAll(/(?:PrivateKey|PresharedKey) = (\S+)/g)].map((m) => m[1]));
    assert.equal(secrets.length, 4);
    for (const d of await dialog.locator("details").all()) await d.evaluate((e) => { e.open = true; });
    await until("every file", async () => (await dialog.locator("pre").count()) === (await dialog.locator("details").count()));
    const text = await dialog.innerText();
    for (const s of secrets) assert.ok(!text.includes(s));
    const file = await saved(tab, () => dialog.getByRole("button").last().click());
    assert.match(file.name, /\.zip$/);
    assert.equal(file.bytes.subarray(0, 2).toString(), "PK");
  });
});
