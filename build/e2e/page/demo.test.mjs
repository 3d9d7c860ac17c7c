// The demo, as a newcomer plays it: buttons that break real servers, and what
// Holdfast makes of it.
import assert from "node:assert/strict";
import { after } from "node:test";
import { journey, quit, t } from "./browser.mjs";
import { until, within } from "./world.mjs";

after(quit);

const world = { service: "demo" };
const lab = (tab) => tab.page.locator("section.lab");
const used = (w) => w.status().then((s) => s.active?.tunnel);

for (const [how, act] of [["by mouse", (tab, l) => l.click()], ["by keyboard", (tab, l) => tab.press(l)]]) {
  journey(`a server is broken in the demo and left, ${how}`, { world, timeout: 120_000 }, async ({ w, tab, context }) => {
    await tab.says("protected");
    assert.equal(await used(w), "berlin");
    const moved = tab.sees("#view .numbers dd b", "paris");
    await act(tab, lab(tab).locator(".pills button").first());
    const seen = await within(moved, "the failover on the page");
    const late = seen - Date.parse((await until("the event", () => w.event("failed_over"))).at);
    context.diagnostic(`the demo's failover is on the page ${late} ms after its event`);
    assert.ok(late < 1000, `${late} ms`);
    await tab.says("protected");
    await act(tab, lab(tab).getByRole("button", { name: t("lab.healAll"), exact: true }));
    await until("the way back", async () => (await used(w)) === "berlin", 60_000);
    await act(tab, lab(tab).getByRole("button", { name: t("lab.networkOff"), exact: true }));
    await tab.says("offline");
    await act(tab, lab(tab).getByRole("button", { name: t("lab.networkOn"), exact: true }));
    await tab.says("protected");
  });
}
