// Pages that mean ill, in a real browser, with the browser's own guard of local
// networks turned off: whatever they try, they get nothing and change nothing.
// Beside each attempt stands its twin: the same, done properly, works.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { lib, missing, quit, Tab, t } from "./browser.mjs";
import { start, until, within } from "./world.mjs";

const canary = "canary-7f3a";

let w, own, evil, stranger, token, browser;

/** A page on another port of this computer, and what reached it. */
async function hostile() {
  const requests = [];
  const server = createServer((r, reply) => {
    requests.push({ url: r.url, headers: r.headers });
    if (r.url === "/sw.js") return void reply.writeHead(200, { "Content-Type": "text/javascript" }).end("self.addEventListener('fetch', () => {});");
    reply.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>ill</title><body></body>");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { server, requests, url: `http://127.0.0.1:${server.address().port}/`, host: `127.0.0.1:${server.address().port}` };
}

/** All that an attack could have changed. */
async function picture() {
  const [status, tunnels, groups, settings] = await Promise.all(["status", "tunnels", "groups", "settings"].map((path) => w.api("GET", path)));
  const sessions = await ask(own.page, "/agent/v1/sessions");
  return JSON.stringify({ wish: status.wish, tunnels: tunnels.tunnels, groups: groups.groups, settings: settings.settings, sessions: sessions.text && JSON.parse(sessions.text).sessions?.length });
}

/** Asks from inside a page. What cannot be read is "". */
const ask = (page, url, { method = "GET", type, auth = token, body, ...rest } = {}) =>
  page.evaluate(async ({ url, method, type, auth, body, rest }) => {
    const headers = {};
    if (type) headers["Content-Type"] = type;
    if (auth) headers.Authorization = "Bearer " + auth;
    try {
      const reply = await fetch(url, { method, headers, body, ...rest });
      return { status: reply.status, text: await reply.text() };
    } catch (err) {
      return { status: 0, text: "", error: String(err) };
    }
  }, { url, method, type, auth, body, rest });

const json = "application/json";
const at = (path) => w.url + path.slice(1);
const off = () => at("/api/v1/disconnect");

/** What the twin of every change does: the same wish, from the page itself. */
async function disconnects(how = {}) {
  const reply = await ask(own.page, "/api/v1/disconnect", { method: "POST", type: json, body: "{}", ...how });
  assert.equal(reply.status, 200);
  await own.says("off");
  assert.equal((await ask(own.page, "/api/v1/connect", { method: "POST", type: json, body: JSON.stringify({ target: "home" }) })).status, 200);
  await w.reaches("protected");
}

async function reads(path = "/api/v1/tunnels") {
  const reply = await ask(own.page, path);
  assert.equal(reply.status, 200);
  assert.ok(reply.text.includes(canary), reply.text);
}

/** Puts an element into the hostile page, and says whether it loaded. */
const loads = (tag, attributes) =>
  evil.evaluate(([tag, attributes]) => new Promise((done) => {
    const e = Object.assign(document.createElement(tag), attributes);
    e.onload = () => done("loaded");
    e.onerror = () => done("refused");
    document.body.append(e);
  }), [tag, attributes]);

/** Submits a form from the hostile page, and returns what came. */
async function submits(action, fields, enctype = "application/x-www-form-urlencoded") {
  const came = evil.waitForNavigation();
  await evil.evaluate(([action, fields, enctype]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action, enctype });
    for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), { name, value }));
    document.body.append(form);
    form.submit();
  }, [action, fields, enctype]);
  const reply = await came;
  return { status: reply.status(), text: await reply.text() };
}

const refused = (reply) => assert.ok(reply.status === 0 || reply.status >= 400, `${reply.status} ${reply.text}`);

const cases = [
  ["reads by fetch", async () => {
    for (const mode of ["cors", "no-cors"]) for (const path of ["/api/v1/status", "/agent/v1/about", "/api/v1/logs", "/"]) {
      const r = await ask(evil, at(path), { auth: "", mode });
      assert.equal(r.text, "", path);
    }
  }, reads],
  ["reads by fetch with a token that it stole", async () => refused(await ask(evil, at("/api/v1/tunnels"))), reads],
  ["has the page forward a plain POST", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", undefined]) {
      await ask(evil, off(), { method: "POST", type, auth: "", body: "{}", mode: "no-cors" });
    }
  }, disconnects],
  ["posts JSON, for which the browser asks first", async () => refused(await ask(evil, off(), { method: "POST", type: json, auth: "", body: "{}" })), disconnects],
  ["posts JSON with a token that it stole", async () => refused(await ask(evil, off(), { method: "POST", type: json, body: "{}" })), disconnects],
  ["deletes with a token that it stole", async () => {
    refused(await ask(evil, at("/api/v1/tunnels/" + canary), { method: "DELETE", type: json, body: "{}" }));
    refused(await ask(evil, at("/session"), { method: "DELETE", type: json, body: "{}" }));
  }, reads],
  ["sends a beacon", async () => {
    await evil.evaluate((url) => { for (const type of ["text/plain", "application/x-www-form-urlencoded"]) navigator.sendBeacon(url, new Blob(["{}"], { type })); }, off());
    await ask(evil, evil.url(), { auth: "" });
  }, () => disconnects({ keepalive: true })],
  ["submits forms to what changes things", async () => {
    for (const enctype of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]) {
      refused(await submits(off(), { '{"a":"': '"}' }, enctype));
      await evil.goto(stranger.url);
    }
  }, disconnects],
  ["submits a form with a code that it guessed", async () => {
    refused(await submits(at("/session"), { code: "A".repeat(43) }));
  }, handsOver],
  ["submits a form with a code that it stole", async () => {
    const code = new URLSearchParams((await w.open("--link")).split("#")[1]).get("c");
    assert.match(code, /^[\w-]{43}$/);
    refused(await submits(at("/session"), { code }));
    await evil.goto(stranger.url);
    refused(await ask(evil, at("/session"), { method: "POST", type: json, auth: "", body: JSON.stringify({ code }) }));
    // It was refused, not used up: the person's own page still takes it.
    const page = await own.context.newPage();
    await page.goto(at("/#c=" + code));
    await page.locator("#view h1").waitFor();
    await ask(page, "/session", { method: "DELETE", type: json, body: "{}", auth: await page.evaluate(() => sessionStorage.getItem("holdfast-session")) });
    await page.close();
  }, handsOver],
  ["shows what the host has as an image", async () => {
    for (const path of ["/api/v1/status", "/assets/protected.svg"]) assert.equal(await loads("img", { src: at(path) }), "refused", path);
  }, async () => assert.ok(await own.page.evaluate(() => new Promise((done) => {
    const image = new Image();
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = "/assets/protected.svg";
  })))],
  ["runs what the host has as a script, or as a style", async () => {
    for (const path of ["/assets/app.js", "/api/v1/status", "/words/en.json"]) assert.equal(await loads("script", { src: at(path) }), "refused", path);
    assert.equal(await loads("link", { rel: "stylesheet", href: at("/assets/style.css") }), "refused");
    assert.equal(await loads("script", { type: "module", src: at("/assets/app.js") }), "refused");
  }, async () => assert.equal((await ask(own.page, "/assets/app.js")).status, 200)],
  ["puts the page into a frame", async () => {
    for (const tag of ["iframe", "embed", "object"]) {
      await evil.evaluate(([tag, url]) => document.body.append(Object.assign(document.createElement(tag), { src: url, data: url })), [tag, w.url]);
    }
    await ask(evil, evil.url(), { auth: "" });
    for (const frame of evil.frames().slice(1)) {
      const text = await frame.evaluate(() => document.body?.innerText ?? "").catch(() => "");
      assert.doesNotMatch(text, /Holdfast/);
      assert.ok(!text.includes(canary));
    }
  }, async () => {
    const page = await own.context.newPage();
    await page.goto(w.url);
    await page.locator("#locked").waitFor();
    await page.close();
  }],
  ["listens by EventSource", async () => {
    const heard = await evil.evaluate((url) => new Promise((done) => {
      const source = new EventSource(url);
      source.onmessage = source.onopen = () => done("heard");
      source.addEventListener("snapshot", () => done("heard"));
      source.onerror = () => (source.close(), done("refused"));
    }), at("/api/v1/stream"));
    assert.equal(heard, "refused");
  }, streams],
  ["connects by WebSocket", async () => {
    for (const path of ["/api/v1/stream", "/"]) {
      const heard = await evil.evaluate((url) => new Promise((done) => {
        const socket = new WebSocket(url);
        socket.onopen = () => done("open");
        socket.onerror = () => done("refused");
      }), at(path).replace("http", "ws"));
      assert.equal(heard, "refused", path);
    }
  }, streams],
  ["opens the page and reaches into its window", async () => {
    const popup = evil.waitForEvent("popup");
    await evil.evaluate((url) => { window.victim = window.open(url); }, w.url);
    const page = await popup;
    await page.waitForLoadState();
    const got = await evil.evaluate(() => {
      const tries = [() => window.victim.document.body.innerText, () => window.victim.sessionStorage.length, () => window.victim.location.href];
      return tries.map((f) => { try { return String(f()); } catch { return "refused"; } });
    });
    for (const one of got) assert.match(one, /^refused$|undefined/);
    assert.equal(await page.evaluate(() => window.opener).catch(() => null), null);
    await page.close();
  }, reads],
  ["is the page by another name (rebinding)", async () => {
    const page = await own.context.newPage();
    const home = `http://rebind.test:${w.port}/`;
    await page.route(home, (r) => r.fulfill({ contentType: "text/html", body: "<!doctype html><title>rebound</title>" }), { times: 1 });
    await page.goto(home);
    assert.equal(await page.title(), "rebound");
    for (const [path, how] of [["/api/v1/status", {}], ["/", {}], ["/assets/app.js", {}], ["/api/v1/disconnect", { method: "POST", type: json, body: "{}" }]]) {
      const r = await ask(page, path, how);
      refused(r);
      assert.doesNotMatch(r.text, /session|canary|locked/);
    }
    await page.close();
  }, reads],
  ["calls the host 0.0.0.0, or by other spellings", async () => {
    for (const host of ["0.0.0.0", "127.0.0.2", "127.1.1.1"]) {
      const page = await own.context.newPage();
      const reply = await page.goto(`http://${host}:${w.port}/`).catch(() => null);
      if (reply) assert.ok(reply.status() >= 400 && !(await reply.text()).includes("locked"), host);
      await page.close();
      refused(await ask(evil, `http://${host}:${w.port}/api/v1/status`));
    }
  }, reads],
  ["looks for the token where it is kept", async () => {
    // sessionStorage belongs to the name and the port, and to the tab.
    for (const url of [stranger.url, w.url.replace("127.0.0.1", "localhost"), w.url]) {
      const page = await own.context.newPage();
      await page.goto(url);
      assert.equal(await page.evaluate(() => JSON.stringify([sessionStorage, localStorage, document.cookie])), '[{},{},""]', url);
      await page.close();
    }
    assert.deepEqual(await own.context.cookies(), []);
  }, async () => assert.equal(await own.page.evaluate(() => sessionStorage.getItem("holdfast-session")), token)],
  ["plants cookies that every port gets", async () => {
    await evil.evaluate((token) => { document.cookie = `session=${token}; path=/`; document.cookie = `Authorization=Bearer ${token}; path=/`; }, token);
    const r = await ask(own.page, "/api/v1/tunnels", { auth: "" });
    assert.equal(r.status, 401);
    await own.context.clearCookies();
  }, reads],
  ["puts a service worker before the page", async () => {
    await evil.evaluate(() => navigator.serviceWorker.register("/sw.js"));
    for (const path of ["/assets/app.js", "/words/en.json", "/sw.js"]) {
      const registered = await own.page.evaluate((path) => navigator.serviceWorker.register(path).then(() => "registered", () => "refused"), path);
      assert.equal(registered, "refused", path);
    }
    await own.page.reload();
    await own.page.locator("#view h1").first().waitFor();
    assert.equal(await own.page.evaluate(() => navigator.serviceWorker.controller), null);
  }, async () => assert.equal(await evil.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length), 1)],
  ["listens on channels and to the storage of others", async () => {
    await evil.evaluate(() => {
      window.heard = [];
      for (const name of ["holdfast", "session", "holdfast-session"]) new BroadcastChannel(name).onmessage = (e) => window.heard.push(e.data);
      addEventListener("storage", (e) => window.heard.push(e.key));
      addEventListener("message", (e) => window.heard.push(e.data));
    });
    await disconnects();
    assert.deepEqual(await evil.evaluate(() => window.heard), []);
  }, async () => {
    const heard = await evil.evaluate(() => new Promise((done) => {
      new BroadcastChannel("twin").onmessage = (e) => done(e.data);
      new BroadcastChannel("twin").postMessage("heard");
    }));
    assert.equal(heard, "heard");
  }],
  ["is visited from the page", async () => {
    const before = stranger.requests.length;
    const page = await own.context.newPage();
    await page.goto(await w.open());
    await page.locator("#view h1").first().waitFor();
    const secret = await page.evaluate(() => sessionStorage.getItem("holdfast-session"));
    await ask(page, "/session", { method: "DELETE", type: json, body: "{}", auth: secret });
    await page.evaluate((url) => { location.href = url + "visited"; }, stranger.url);
    await page.waitForURL(/visited/);
    const visit = stranger.requests.slice(before).find((r) => r.url === "/visited");
    assert.equal(visit.headers.referer, undefined);
    assert.ok(!JSON.stringify(visit).includes(secret));
    await page.close();
  }, async () => {
    const before = stranger.requests.length;
    await evil.evaluate((url) => { location.href = url + "twin"; }, stranger.url);
    await evil.waitForURL(/twin/);
    assert.equal(stranger.requests.slice(before).find((r) => r.url === "/twin").headers.referer, stranger.url);
  }],
  ["has the browser fetch ahead", async () => {
    for (const rel of ["prefetch", "preload", "prerender", "modulepreload"]) {
      await evil.evaluate(([rel, href]) => document.head.append(Object.assign(document.createElement("link"), { rel, href, as: "fetch" })), [rel, at("/api/v1/status")]);
    }
    await evil.goto(at("/api/v1/status"));
    assert.doesNotMatch(await evil.content(), /overall|canary/);
  }, reads],
  ["runs a worker of the host's", async () => {
    const made = await evil.evaluate((url) => [Worker, SharedWorker].map((W) => { try { new W(url); return "made"; } catch { return "refused"; } }), at("/assets/app.js"));
    assert.deepEqual(made, ["refused", "refused"]);
  }, async () => assert.equal((await ask(own.page, "/assets/app.js")).status, 200)],
  ["goes back to a page after its session has ended", async () => {
    const page = await own.context.newPage();
    await page.goto(await w.open());
    await page.locator("#view h1").first().waitFor();
    const secret = await page.evaluate(() => sessionStorage.getItem("holdfast-session"));
    assert.ok((await ask(page, "/api/v1/tunnels", { auth: secret })).text.includes(canary));
    await ask(page, "/session", { method: "DELETE", type: json, body: "{}", auth: secret });
    await page.locator("#locked").waitFor();
    await page.goto(stranger.url);
    await page.goBack();
    await page.locator("#locked").waitFor();
    assert.ok(!(await page.content()).includes(canary));
    for (const cache of ["default", "force-cache"]) assert.equal((await ask(page, "/api/v1/tunnels", { auth: secret, cache })).status, 401);
    await page.close();
  }, reads],
  ["goes back to the code", async () => {
    const page = await own.context.newPage();
    const address = await w.open();
    await page.goto(address);
    await page.locator("#view h1").first().waitFor();
    const secret = await page.evaluate(() => sessionStorage.getItem("holdfast-session"));
    const sessions = async () => JSON.parse((await ask(own.page, "/agent/v1/sessions")).text).sessions.length;
    const many = await sessions();
    // The file is gone; what the browser kept of it brings no second session.
    assert.equal(await page.goto(address).then(() => "there", () => "gone"), "gone");
    await page.goBack().catch(() => null);
    await page.reload().catch(() => null);
    assert.equal(await sessions(), many);
    assert.ok(!page.url().includes("c="));
    await ask(own.page, "/agent/v1/sessions/" + await idOf(secret), { method: "DELETE", type: json, body: "{}" });
    await page.close();
  }, handsOver],
];

/** The session of a token, which itself is told nobody. */
async function idOf(secret) {
  const { text } = await ask(own.page, "/agent/v1/sessions", { auth: secret });
  return JSON.parse(text).sessions.find((s) => s.current).id;
}

/** The proper way in: the person's own file brings a session, once. */
async function handsOver() {
  const page = await own.context.newPage();
  await page.goto(await w.open());
  await page.locator("#view h1").first().waitFor();
  const secret = await page.evaluate(() => sessionStorage.getItem("holdfast-session"));
  assert.notEqual(secret, token);
  assert.equal((await ask(page, "/session", { method: "DELETE", type: json, body: "{}", auth: secret })).status, 200);
  await page.close();
}

/** The proper way to listen: the page's own fetch, with its token. */
async function streams() {
  const first = await own.page.evaluate(async (token) => {
    const stop = new AbortController();
    const reply = await fetch("/api/v1/stream", { headers: { Authorization: "Bearer " + token, Accept: "text/event-stream" }, signal: stop.signal });
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("snapshot")) text += (await reader.read()).value;
    stop.abort();
    return text;
  }, token);
  assert.match(first, /snapshot/);
}

describe("a page that means ill", { skip: missing }, () => {
  before(async () => {
    w = await start({ servers: [canary, "second"], group: "home", up: true });
    await w.reaches("protected");
    stranger = await hostile();
    browser = await lib("playwright-core").chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessChecks",
        "--host-resolver-rules=MAP rebind.test 127.0.0.1 , MAP * ~NOTFOUND , EXCLUDE 127.* , EXCLUDE localhost , EXCLUDE 0.0.0.0"],
    });
    own = await Tab.open(w, { browser });
    token = await own.page.evaluate(() => sessionStorage.getItem("holdfast-session"));
    assert.match(token, /^[\w-]{43}$/);
  });
  after(async () => {
    await browser?.close();
    stranger?.server.close();
    stranger?.server.closeAllConnections();
    await w?.end();
    await quit();
  });

  for (const [what, attack, twin] of cases) {
    test(what, { timeout: 60_000 }, async () => {
      evil = await own.context.newPage();
      try {
        await evil.goto(stranger.url);
        const was = await picture();
        await within(attack(), what);
        assert.equal(await picture(), was, "something was changed");
        if (evil.url() !== stranger.url) await evil.goto(stranger.url);
        await within(twin(), "the proper way");
      } finally {
        await evil.close();
      }
    });
  }
});
