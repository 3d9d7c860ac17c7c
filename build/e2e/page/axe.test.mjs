// The page for everyone: no violation in any view, in either theme, on a phone
// and on a wide screen, in either language, and in dialogs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe } from "node:test";
import { journey, lib, missing, quit, t } from "./browser.mjs";
import { start, until } from "./world.mjs";

const axe = missing ? "" : readFileSync(lib.resolve("axe-core/axe.min.js"), "utf8");
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const views = ["now", "history", "tunnels", "settings", "help"];

/** Before the first diagnosis there is none. */
const noDiagnosis = /404.*diagnosis$/;

let w;

/** Says by how much the page is wider than the tab, where it stays so: a graph follows its width a moment later. */
async function tooWide(tab) {
  let wide = 0;
  await until("the width", async () => (wide = await tab.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, 3_000).catch(() => {});
  return wide > 0 ? [`it is ${wide} px too wide`] : [];
}

/** What is wrong with what the tab shows now, a line each. */
async function violations(tab, where) {
  if (!(await tab.page.evaluate(() => "axe" in window))) await tab.page.evaluate(axe);
  const found = await tab.page.evaluate(async (tags) => {
    const { violations } = await window.axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
    return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")} ${n.html.slice(0, 160)} ${n.any[0]?.message ?? ""}`));
  }, tags);
  found.push(...(await tooWide(tab)));
  return found.map((line) => `${where}: ${line}`);
}

/** Looks at what is shown in both themes and at both widths. */
async function everywhere(tab, what) {
  const found = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [320, 1280]) {
      await tab.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await tab.page.setViewportSize({ width, height: 900 });
      found.push(...(await violations(tab, `${what} ${colorScheme} ${width}`)));
    }
  }
  return found;
}

/** Waits until a view has what it reads. */
const settled = (tab) => tab.page.waitForLoadState("networkidle", { timeout: 1_500 }).catch(() => {});

describe("axe", { skip: missing, concurrency: 2 }, () => {
  before(async () => {
    w = await start({ servers: ["berlin", "paris", "oslo"], group: "home", up: true });
    await w.reaches("protected");
    await w.do("break berlin blackhole");
    await w.reaches("protected");
  });
  after(async () => {
    await w?.end();
    await quit();
  });
  const world = () => w;

  for (const locale of ["en-GB", "de-DE"]) {
    journey(`finds nothing in any view, ${locale}`, { world, page: { locale, bypassCSP: true }, timeout: 240_000 }, async ({ tab }) => {
      tab.expects(noDiagnosis);
      const found = [];
      for (const view of views) {
        await tab.page.setViewportSize({ width: 1280, height: 900 });
        await tab.go(view);
        await settled(tab);
        found.push(...(await everywhere(tab, `${view} ${locale}`)));
      }
      assert.deepEqual(found, []);
    });
  }

  journey("finds nothing in what opens within the tunnels", { world, page: { bypassCSP: true }, timeout: 240_000 }, async ({ tab }) => {
    const found = [];
    const at = async (hash, ready) => {
      await tab.page.setViewportSize({ width: 1280, height: 900 });
      await tab.page.evaluate((hash) => { location.hash = hash; }, hash);
      await ready.waitFor();
      await settled(tab);
    };
    const dialog = tab.page.getByRole("dialog");
    await at("#/tunnels/oslo", tab.page.getByRole("heading", { level: 1, name: "oslo" }));
    found.push(...(await everywhere(tab, "one tunnel")));
    for (const key of ["tunnels.delete", "tunnels.export", "tunnels.qr"]) {
      await tab.page.getByRole("button", { name: t(key), exact: true }).first().click();
      await dialog.waitFor();
      found.push(...(await everywhere(tab, key)));
      await tab.page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    }
    await at("#/tunnels//new", tab.page.getByLabel(t("tunnels.edit.text"), { exact: true }));
    found.push(...(await everywhere(tab, "the editor")));
    await at("#/tunnels//import", tab.page.getByRole("heading", { level: 1, name: t("tunnels.import.title") }));
    await tab.page.locator("input[type=file]").setInputFiles([
      { name: "good.conf", mimeType: "text/plain", buffer: Buffer.from(w.servers[0].config.replace("[Peer]", "PostUp = true\n[Peer]")) },
      { name: "bad.conf", mimeType: "text/plain", buffer: Buffer.from("hello") },
    ]);
    await tab.page.locator('.candidate[data-tone="bad"]').waitFor();
    found.push(...(await everywhere(tab, "what was handed in")));
    assert.deepEqual(found, []);
  });

  journey("finds nothing in a page without a session", { world, page: null }, async ({ visit }) => {
    const tab = await visit({ session: false, bypassCSP: true });
    await tab.page.goto(w.url);
    await tab.page.locator("#locked").waitFor();
    assert.deepEqual(await everywhere(tab, "locked"), []);
  });

  journey("finds nothing in the first run", { world: { servers: ["berlin"] }, page: { bypassCSP: true } }, async ({ tab }) => {
    await tab.page.getByRole("heading", { level: 1, name: t("welcome.title") }).waitFor();
    assert.deepEqual(await everywhere(tab, "welcome"), []);
  });

  journey("finds nothing in what the kill switch says", { world: { service: "pretend", role: "operator" }, page: { bypassCSP: true }, timeout: 240_000 }, async ({ w: pretended, tab }) => {
    const found = [];
    const wish = { on: true, target: "home" };
    for (const [name, guard, more] of [
      ["signIn", { blocking: true }, { wish, overall: "sign-in needed" }], ["paused", { pausedUntil: "2026-03-01T12:05:00Z" }, { wish, overall: "sign-in needed" }],
      ["blocking", { blocking: true }, { wish, overall: "blocked" }], ["released", { released: true }, { wish, overall: "stalled" }],
      ["unverified", { verified: false }, { wish, overall: "connecting" }], ["unknown", { blocking: true }, { wish: { on: false }, overall: "blocked" }],
    ]) {
      await pretended.stand(guard, more);
      await tab.page.locator(`[data-guard="${name}"]`).waitFor();
      found.push(...(await everywhere(tab, name)));
    }
    assert.deepEqual(found, []);
  });

  journey("nothing moves where that is not wished for", { world, page: { reducedMotion: "reduce" } }, async ({ tab }) => {
    tab.expects(noDiagnosis);
    for (const view of views) {
      await tab.go(view);
      const moving = await tab.page.evaluate(() => document.getAnimations().filter((a) => a.effect?.getComputedTiming().duration > 1).length);
      assert.equal(moving, 0, view);
    }
  });

  journey("with the system's own colours all is still there", { world, page: { forcedColors: "active" } }, async ({ tab }) => {
    tab.expects(noDiagnosis);
    await tab.says("protected");
    assert.ok(await tab.page.locator(".hero img").isVisible());
    for (const view of views) {
      await tab.go(view);
      const lost = await tab.page.evaluate(() => [...document.querySelectorAll("#view button:not(.bare), #view input, #view select")].filter((e) => {
        const s = getComputedStyle(e);
        return e.checkVisibility() && s.borderTopStyle === "none" && s.outlineStyle === "none" && e.type !== "checkbox" && e.type !== "radio";
      }).map((e) => e.outerHTML.slice(0, 80)));
      assert.deepEqual(lost, [], `${view}: what has no border cannot be told from text`);
    }
  });

  journey("read from right to left it fits as well", { world, page: null }, async ({ visit }) => {
    const tab = await visit({ session: false });
    await tab.page.addInitScript(() => sessionStorage.setItem("holdfast-dir", "rtl"));
    tab.expects(noDiagnosis);
    await tab.enter();
    assert.equal(await tab.page.evaluate(() => document.documentElement.dir), "rtl");
    const found = [];
    for (const view of views) {
      for (const width of [320, 1280]) {
        await tab.page.setViewportSize({ width, height: 900 });
        await tab.go(view);
        await settled(tab);
        for (const line of await tooWide(tab)) found.push(`${view} ${width}: ${line}`);
      }
    }
    assert.deepEqual(found, []);
  });
});
