// How things stand: what happens at the service shows on the page at once, and
// what the page can no longer know it does not claim.
import assert from "node:assert/strict";
import { after } from "node:test";
import { journey, quit, t } from "./browser.mjs";
import { patience, until, within } from "./world.mjs";

after(quit);

const pair = { servers: ["berlin", "paris"], group: "home", up: true };
/** A holdfastd in a process of its own, with a tunnel that nobody has asked for. */
const alone = { servers: ["berlin"], service: "own", group: "home" };
const active = "#view .numbers dd b";

/** Waits until traffic flows, at the service and on the page. */
async function flowing(w, tab) {
  await w.reaches("protected");
  await tab.says("protected");
}

journey("a failover shows within a second of its event", { world: pair }, async ({ w, tab, context }) => {
  await flowing(w, tab);
  assert.equal(await tab.page.locator(active).first().textContent(), "berlin");
  const moved = tab.sees(active, "paris");
  await w.do("break berlin blackhole");
  const seen = await within(moved, "the failover on the page");
  const event = await until("the event", () => w.event("failed_over"));
  const late = seen - Date.parse(event.at);
  context.diagnostic(`a failover is on the page ${late} ms after its event`);
  assert.ok(late < 1000, `${late} ms`);
  await tab.page.locator('[data-code="failed_over"]').waitFor();
  await tab.says("protected");
  await tab.reads(t("switch.failed_over", { from: "berlin", to: "paris" }));
});

journey("each state has its word, its picture and its reason", { world: pair }, async ({ w, tab }) => {
  await flowing(w, tab);
  const shows = async (state, why) => {
    await tab.says(state);
    await until("the title of " + state, async () => (await tab.page.title()).startsWith(t("state." + state)));
    assert.equal(await tab.page.locator(".hero img").getAttribute("src"), `/assets/${state}.svg`);
    await tab.page.locator(".hero").getByText(why, { exact: true }).waitFor();
  };
  await shows("protected", t("state.protected.what", { tunnel: "berlin" }));
  await w.do("network off");
  await shows("offline", t("state.offline.what"));
  await w.do("network on");
  await flowing(w, tab);
  for (const name of ["berlin", "paris"]) await w.do(`break ${name} blackhole`);
  await shows("stalled", t("state.stalled.what", { tunnel: "berlin" }));
  await w.do("heal");
  await flowing(w, tab);
  await tab.button("now.disconnect").click();
  await shows("off", t("state.off.what"));
});

for (const [how, act] of [["by mouse", (tab, l) => l.click()], ["by keyboard", (tab, l) => tab.press(l)]]) {
  journey(`disconnect, connect, switch and reconnect ${how}`, { world: pair }, async ({ w, tab }) => {
    await flowing(w, tab);
    await act(tab, tab.button("now.disconnect"));
    await tab.says("off");
    assert.equal((await w.status()).wish.on, false);
    await act(tab, tab.button("now.connect"));
    await flowing(w, tab);
    assert.deepEqual((await w.status()).wish, { on: true, target: "home" });
    await act(tab, tab.button("member.switchTo", { tunnel: "paris" }));
    await tab.page.locator(active).getByText("paris", { exact: true }).waitFor();
    await flowing(w, tab);
    const before = (await w.status()).eventId;
    await act(tab, tab.button("now.reconnect"));
    await until("the tunnel to begin anew", async () => {
      const { events } = await w.api("GET", `history?after=${before}&kind=state_changed&kind=restarted`);
      return events.length > 0;
    });
    await flowing(w, tab);
  });
}

journey("a notice that was seen says so in every tab", { world: pair }, async ({ w, tab, visit }) => {
  const other = await visit({ within: tab });
  await flowing(w, tab);
  await w.do("break berlin blackhole");
  const notice = (in_) => in_.page.locator('[data-code="failed_over"]');
  await notice(other).waitFor();
  await notice(tab).getByRole("button", { name: t("notice.seen"), exact: true }).click();
  for (const each of [tab, other]) await notice(each).and(each.page.locator("[data-seen]")).waitFor();
});

journey("two tabs, each with a session of its own, show the same", { world: pair }, async ({ w, tab, visit }) => {
  const other = await visit();
  await flowing(w, tab);
  await tab.button("now.disconnect").click();
  for (const each of [tab, other]) await each.says("off");
  await other.button("now.connect").click();
  for (const each of [tab, other]) await each.says("protected");
});

journey("a hidden tab ends its stream, and goes on when it is seen", { world: pair }, async ({ w, tab }) => {
  await flowing(w, tab);
  const ended = tab.page.waitForEvent("requestfailed", (r) => r.url().includes("/stream"));
  await tab.hide(true);
  await ended;
  await w.api("POST", "disconnect");
  await w.reaches("off");
  // Nothing was read meanwhile, so nothing is shown.
  await tab.page.getByRole("heading", { level: 1, name: t("state.protected") }).waitFor();
  await tab.hide(false);
  await tab.says("off");
});

journey("a service that ends is said within 4 s, and one that begins shows by itself",
  { world: alone }, async ({ w, tab, context }) => {
    tab.expects(/502|Bad Gateway/);
    await tab.says("off");
    const said = tab.sees("#view h1", t("state.service-unreachable"));
    const grey = tab.page.locator("#view[data-stale]").waitFor();
    const ending = Date.now();
    await w.service.end();
    const took = (await within(said, "the page to say so")) - ending;
    context.diagnostic(`a service that ended is said after ${took} ms`);
    assert.ok(took < 4000, `${took} ms`);
    await grey;
    await tab.reads(t("state.service-unreachable.what"));
    await w.serve();
    await tab.says("off", 6_000);
    assert.equal(await tab.page.locator("#view[data-stale]").count(), 0);
  });

journey("a service that hangs is said, and its numbers are grey",
  { world: alone }, async ({ w, tab }) => {
    tab.expects(/50[24]|Bad Gateway|Gateway Timeout/);
    await tab.says("off");
    w.service.process.kill("SIGSTOP");
    try {
      await tab.page.locator("#view[data-stale]").waitFor({ timeout: 9_000 });
      await tab.says("service-unreachable", patience);
    } finally {
      w.service.process.kill("SIGCONT");
    }
    await tab.says("off", 15_000);
  });

journey("the way around by keyboard alone", { world: pair }, async ({ w, tab }) => {
  tab.expects(/404.*diagnosis$/); // before the first there is none
  await flowing(w, tab);
  const focused = (selector) => until("the focus at " + selector, () => tab.page.evaluate((s) => document.activeElement?.matches(s), selector));
  await tab.page.reload();
  await tab.says("protected");
  await tab.page.keyboard.press("Tab");
  await focused("a.skip");
  await tab.page.keyboard.press("Enter");
  await focused("#view");
  for (const view of ["history", "tunnels", "settings", "help", "now"]) {
    await tab.press(tab.page.getByRole("navigation").getByRole("link", { name: t("nav." + view), exact: true }));
    await tab.page.locator(`nav a[aria-current=page][href^="#/${view}"]`).waitFor();
    // A view begins at its top, also for who hears it.
    await focused("#view");
    const seen = await tab.page.evaluate(() => {
      const first = document.querySelector("#view a, #view button, #view input, #view summary");
      first?.focus({ focusVisible: true });
      const s = first && getComputedStyle(first);
      return !first || s.outlineStyle !== "none" || s.boxShadow !== "none";
    });
    assert.ok(seen, `${view}: it shows where the focus is`);
  }
  await tab.page.goBack();
  await tab.page.locator('nav a[aria-current=page][href^="#/help"]').waitFor();
});
