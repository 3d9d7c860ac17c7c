// Sessions: how one begins, how it ends, and what is left of it then.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { after, before, describe } from "node:test";
import { fileURLToPath } from "node:url";
import { journey, missing, quit, t } from "./browser.mjs";
import { start, until } from "./world.mjs";

let w;

const token = (tab) => tab.page.evaluate(() => sessionStorage.getItem("holdfast-session"));

/** Asks the page's host as a tab would. */
const ask = (tab, method, path, body) =>
  tab.page.evaluate(async ([method, path, body]) => {
    const headers = { Authorization: "Bearer " + sessionStorage.getItem("holdfast-session") };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const reply = await fetch(path, { method, headers, body });
    return { status: reply.status, body: await reply.json() };
  }, [method, path, body]);

/** A page that has no session shows how to get one, and nothing else. */
async function locked(tab) {
  await tab.page.locator("#locked").waitFor();
  assert.equal(await tab.page.locator("#app, nav, .numbers").count(), 0);
  const text = await tab.page.locator("body").innerText();
  assert.match(text, /holdfast open/);
  assert.doesNotMatch(text, /berlin/);
  assert.equal(await token(tab), null);
}

describe("a session", { skip: missing }, () => {
  before(async () => {
    w = await start({ servers: ["berlin"], group: "home", up: true });
    await w.reaches("protected");
  });
  after(async () => {
    await w?.end();
    await quit();
  });
  const world = () => w;

  journey("begins with a file that only the person can read", { world, page: null }, async ({ visit }) => {
    const tab = await visit({ session: false });
    const address = await w.open();
    assert.match(address, /^file:/);
    assert.equal(statSync(fileURLToPath(address)).mode & 0o777, 0o600);
    await tab.page.goto(address);
    await tab.says("protected");
    assert.equal(tab.page.url(), w.url);
    assert.match(await token(tab), /^[\w-]{43}$/);
    assert.throws(() => statSync(fileURLToPath(address)), /ENOENT/, "the file is left");
  });

  journey("begins with a link, whose code is gone from the address", { world, page: null }, async ({ visit }) => {
    const tab = await visit({ session: false });
    const address = await w.open("--link");
    await tab.page.goto(address);
    await tab.says("protected");
    assert.equal(tab.page.url(), w.url);
    // It was good once.
    const second = await visit({ session: false });
    second.expects(/403|Forbidden/);
    await second.page.goto(address);
    await locked(second);
  });

  journey("lasts through a reload", { world }, async ({ tab }) => {
    const kept = await token(tab);
    await tab.page.reload();
    await tab.says("protected");
    assert.equal(await token(tab), kept);
  });

  journey("is not shared with another tab that is opened by hand", { world }, async ({ tab, visit }) => {
    const other = await visit({ within: tab, session: false });
    await other.page.goto(w.url);
    await locked(other);
  });

  journey("that is revoked elsewhere locks the page at once", { world }, async ({ tab, visit }) => {
    tab.expects(/401|Unauthorized|ERR_INCOMPLETE_CHUNKED|ERR_ABORTED|network error/);
    const other = await visit();
    const { body } = await ask(tab, "GET", "/agent/v1/sessions");
    const mine = body.sessions.find((s) => s.current);
    assert.equal((await ask(other, "DELETE", "/agent/v1/sessions/" + mine.id, "{}")).status, 200);
    await locked(tab);
    await other.says("protected");
  });

  journey("that the person ends leaves nothing in the tab", { world }, async ({ tab }) => {
    tab.expects(/401|Unauthorized|ERR_INCOMPLETE_CHUNKED|ERR_ABORTED|network error/);
    assert.equal((await ask(tab, "DELETE", "/session", "{}")).status, 200);
    await locked(tab);
    await tab.page.reload();
    await locked(tab);
  });

  journey("may only look where the page was served so", { world: { servers: ["berlin"], group: "home", up: true, web: ["--read-only"] } }, async ({ w, tab }) => {
    tab.expects(/403|Forbidden/);
    await tab.says("protected");
    await tab.page.getByText(t("shell.readonly"), { exact: true }).waitFor();
    for (const key of ["now.disconnect", "now.reconnect"]) assert.equal(await tab.button(key).count(), 0);
    assert.equal((await ask(tab, "POST", "/api/v1/disconnect", "{}")).status, 403);
    assert.equal((await w.status()).wish.on, true);
  });

  journey("ends with the page's host, and the page says so", { world: { servers: ["berlin"], group: "home", up: true } }, async ({ w, tab }) => {
    tab.expects(/ERR_|Failed to load/);
    await tab.says("protected");
    await w.web.end();
    await tab.page.locator("#view[data-stale]").waitFor();
    await tab.says("service-unreachable", 6_000);
    // A host that comes back at the same port knows no session of the one before.
    tab.expects(/401|Unauthorized/);
    await w.host(["--port", String(w.port)]);
    await locked(tab);
    assert.equal((await until("the wish", () => w.status())).wish.on, true);
  });
});
