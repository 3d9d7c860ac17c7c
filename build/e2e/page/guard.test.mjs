// The kill switch on the page: what it does is said, and what helps is offered
// to those who may. The service is a pretended one, since no tunnel of the lab has
// a guard; one journey has a real one. What that does to packets is tested in
// build/e2e.
import assert from "node:assert/strict";
import { after } from "node:test";
import { journey, quit, t, words } from "./browser.mjs";
import { unguarded, until } from "./world.mjs";

after(quit);

const world = (role = "admin") => ({ service: "pretend", role });

const wished = { wish: { on: true, target: "home" }, active: null };
const signIn = { ...wished, overall: "sign-in needed", underlay: "sign_in" };
const blocked = { ...wished, overall: "blocked" };

const card = (tab, name) => tab.page.locator(`[data-guard="${name}"]`);
const gone = (tab, name) => card(tab, name).waitFor({ state: "detached" });
const guard = async (w) => (await w.api("GET", "guard"));

for (const [how, act] of [["by mouse", (tab, l) => l.click()], ["by keyboard", (tab, l) => tab.press(l)]]) {
  journey(`an operator pauses to sign in, and returns, ${how}`, { world: world("operator") }, async ({ w, tab }) => {
    await w.stand({ blocking: true }, signIn);
    await tab.says("sign-in-needed");
    await card(tab, "signIn").waitFor();
    await act(tab, tab.button("guard.pauseToSignIn"));
    const clock = card(tab, "paused").getByRole("timer");
    await clock.waitFor();
    assert.match(await clock.textContent(), /^(5:00|4:5\d)$/);
    assert.equal((await guard(w)).pausedUntil, "2026-03-01T12:05:00Z");
    await tab.page.locator(".hero").getByText(t("guard.resting"), { exact: true }).waitFor();
    await gone(tab, "signIn");
    const left = async () => (await clock.textContent()).split(":").reduce((m, s) => m * 60 + Number(s), 0);
    const first = await left();
    await until("the countdown", async () => (await left()) <= first - 2, 10_000);
    await act(tab, tab.button("guard.return"));
    await gone(tab, "paused");
    assert.equal((await guard(w)).pausedUntil, null);
  });
}

journey("a pause that ends by itself is over on the page, too", { world: world("operator") }, async ({ w, tab }) => {
  await w.stand({ pausedUntil: "2026-03-01T12:00:02Z" }, { ...wished, overall: "connecting" });
  const clock = card(tab, "paused").getByRole("timer");
  await until("the end", async () => (await clock.textContent()) === "0:00", 10_000);
  await w.stand({}, { ...wished, overall: "protected" });
  await gone(tab, "paused");
  await tab.reads(t("guard.is.shut"));
});

journey("an administrator lets traffic pass, and shuts the kill switch again", { world: world() }, async ({ w, tab }) => {
  await w.stand({ blocking: true }, blocked);
  await tab.says("blocked");
  await card(tab, "blocking").waitFor();
  await tab.reads(t("guard.is.blocking"));
  const release = card(tab, "blocking").getByRole("button", { name: t("guard.release") });
  await release.click();
  const asked = tab.page.getByRole("dialog", { name: t("guard.release.ask") });
  await asked.getByRole("button", { name: t("dialog.cancel"), exact: true }).click();
  await asked.waitFor({ state: "detached" });
  assert.equal((await guard(w)).released, false, "who thinks better of it releases nothing");
  await release.click();
  await asked.getByRole("button", { name: t("guard.release"), exact: true }).click();
  await card(tab, "released").waitFor();
  assert.equal((await guard(w)).released, true);
  await tab.reads(t("guard.is.released"));
  await tab.button("guard.shut").click();
  await gone(tab, "released");
  assert.equal((await guard(w)).released, false);
});

journey("an operator is told what only an administrator may do", { world: world("operator") }, async ({ w, tab }) => {
  await w.stand({ blocking: true }, blocked);
  await card(tab, "blocking").getByText("sudo holdfast guard release", { exact: true }).waitFor();
  assert.equal(await card(tab, "blocking").getByRole("button").count(), 1, "the pause alone");
  await tab.button("guard.pause").click();
  await card(tab, "paused").waitFor();
  await w.stand({ released: true }, blocked);
  await card(tab, "released").getByText("sudo holdfast guard on", { exact: true }).waitFor();
  assert.equal(await card(tab, "released").getByRole("button").count(), 0);
});

journey("without a wish it says why nothing leaves", { world: world() }, async ({ w, tab }) => {
  const off = { wish: { on: false, target: "home" }, active: null, overall: "blocked" };
  await w.stand({ mode: "always", blocking: true }, off);
  await card(tab, "always").getByRole("button", { name: t("guard.release") }).waitFor();
  await w.stand({ mode: "auto", blocking: true }, off);
  await card(tab, "unknown").waitFor();
  await tab.button("guard.stay").click();
  await gone(tab, "unknown");
  await tab.says("off");
  await tab.reads(t("guard.is.open"));
});

journey("rules that were not read back are not called shut", { world: world() }, async ({ w, tab }) => {
  await w.stand({ verified: false }, { ...wished, overall: "connecting" });
  await card(tab, "unverified").waitFor();
  await tab.reads(t("guard.is.unverified"));
  const notice = {
    id: 9, code: "guard_failed", severity: "high", title: "Your traffic may not be protected", what: "The guard's rules could not be put in force.",
    advice: "Look at the log.", evidence: "nft: no such device", since: "2026-03-01T11:59:00Z", acknowledged: false,
  };
  await w.stand({ verified: false }, { ...wished, overall: "connecting", notices: [notice] });
  await tab.page.locator('.notice[data-code="guard_failed"]').waitFor();
  await gone(tab, "unverified"); // the notice says so
  // While a tunnel starts nothing has gone wrong, although traffic waits.
  await w.stand({ blocking: true }, { ...wished, overall: "connecting", notices: [] });
  await tab.reads(t("guard.is.blocking"));
  assert.equal(await tab.page.locator("[data-guard]").count(), 0);
  for (const mode of ["auto", "always"]) {
    await w.stand({ mode }, { ...wished, overall: "protected", notices: [] });
    await tab.reads(t("guard.is.shut"));
  }
  assert.equal(await tab.page.locator("[data-guard]").count(), 0, "where all is as it should be nothing is said");
});

journey("a page that may only look offers nothing", { world: { ...world(), web: ["--read-only"] } }, async ({ w, tab }) => {
  for (const [guard, name, how] of [[{ blocking: true }, "signIn", signIn], [{ blocking: true }, "blocking", blocked], [{ released: true }, "released", blocked], [{ pausedUntil: "2026-03-01T12:05:00Z" }, "paused", signIn]]) {
    await w.stand(guard, how);
    await card(tab, name).waitFor();
    assert.equal(await card(tab, name).getByRole("button").count(), 0, name);
  }
});

journey("in German", { world: world(), page: { locale: "de-DE" } }, async ({ w, tab }) => {
  const de = words("de");
  await w.stand({ blocking: true }, signIn);
  await tab.page.getByRole("button", { name: de("guard.pauseToSignIn"), exact: true }).click();
  await card(tab, "paused").getByText(de("guard.paused.what"), { exact: true }).waitFor();
  await tab.page.getByRole("button", { name: de("guard.return"), exact: true }).click();
  await gone(tab, "paused");
});

/** A tunnel whose server never answers. */
const silent = `[Interface]
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
Address = 10.64.0.2/32

[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 192.0.2.9:51820
`;

journey("a real one: blocked, paused, released and shut again", { world: { service: "guarded" }, skip: unguarded, timeout: 180_000 }, async ({ w, tab }) => {
  await w.api("POST", "tunnels", { name: "silent", text: silent });
  await w.api("POST", "connect", { target: "silent" });
  await tab.page.reload();
  await tab.says("blocked", 100_000);
  const shut = async () => {
    await card(tab, "blocking").waitFor();
    const g = await guard(w);
    assert.deepEqual([g.mode, g.verified, g.blocking, g.released, g.pausedUntil], ["auto", true, true, false, null]);
  };
  await shut();
  await tab.button("guard.pause").click();
  await card(tab, "paused").getByRole("timer").waitFor();
  assert.ok(Date.parse((await guard(w)).pausedUntil) > Date.now() + 280_000);
  await tab.button("guard.return").click();
  await gone(tab, "paused");
  await tab.says("blocked", 100_000);
  await shut();
  await card(tab, "blocking").getByRole("button", { name: t("guard.release") }).click();
  await tab.page.getByRole("dialog").getByRole("button", { name: t("guard.release"), exact: true }).click();
  await card(tab, "released").waitFor();
  assert.equal((await guard(w)).released, true);
  await tab.button("guard.shut").click();
  await gone(tab, "released");
  await tab.says("blocked", 100_000);
  await shut();
});
