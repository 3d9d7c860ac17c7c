// Tunnels and groups: how they come in, whatever is handed in; their order, and
// what is changed, taken back and given out.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after } from "node:test";
import { journey, quit, t } from "./browser.mjs";
import { until } from "./world.mjs";
import { zip } from "./zip.mjs";

after(quit);

const names = async (w) => (await w.api("GET", "tunnels")).tunnels.map((x) => x.name);
const members = async (w, group) => (await w.api("GET", "groups")).groups.find((g) => g.name === group)?.members;

/** A world with tunnels, none of them connected. */
const three = { servers: ["berlin", "oslo", "paris"], group: "home" };

const toImport = async (tab) => {
  await tab.go("tunnels");
  await tab.page.getByRole("link", { name: t("tunnels.import"), exact: true }).click();
  await tab.page.getByRole("heading", { level: 1, name: t("tunnels.import.title") }).waitFor();
};

const file = (name, content) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(content) });
const picks = (tab, ...files) => tab.page.locator("input[type=file]").setInputFiles(files);

/** Drops files onto the page, as a file manager does. */
const drops = (tab, ...files) =>
  tab.page.evaluate((files) => {
    const dataTransfer = new DataTransfer();
    for (const [name, base64] of files) dataTransfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    for (const kind of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
  }, files.map((f) => [f.name, f.buffer.toString("base64")]));

const cards = (tab) => tab.page.locator(".candidate");
const card = (tab, from) => tab.page.getByRole("article", { name: from, exact: true });

/** Another config of a server: what is imported twice needs two. */
const config = (w, i = 0) => w.servers[i].config;

journey("imports by picker, drop, paste and zip", { world: { servers: ["berlin", "oslo", "paris", "rome"], group: "" } }, async ({ w, tab }) => {
  await toImport(tab);
  await picks(tab, file("picked.conf", config(w, 0)));
  await card(tab, "picked.conf").getByText(t("tunnels.carries.all")).waitFor();
  await drops(tab, file("dropped.conf", config(w, 1)));
  await card(tab, "dropped.conf").getByText(t("tunnels.carries.all")).waitFor();
  await tab.button("tunnels.import.paste").click();
  await tab.page.getByLabel(t("tunnels.import.text")).fill(config(w, 2));
  await tab.button("tunnels.import.look").click();
  await card(tab, t("tunnels.import.pasted")).getByLabel(t("tunnels.name")).fill("pasted");
  await picks(tab, file("all.zip", zip([["folder/packed.conf", config(w, 3)], ["readme.md", "hello"]])));
  await until("four candidates", async () => (await cards(tab).count()) === 4);
  await tab.button("tunnels.import.save.other", { count: 4 }).click();
  await tab.page.getByText(t("tunnels.import.saved.other", { count: 4 })).waitFor();
  assert.deepEqual(await names(w), ["dropped", "packed", "pasted", "picked"]);
  await tab.button("tunnels.import.together", { count: 4 }).click();
  await until("the group", async () => (await members(w, "all"))?.length === 4);
});

journey("refuses what is no tunnel, says why, and stays as it was", { world: three }, async ({ w, tab }) => {
  const good = config(w), before = await names(w);
  const bad = {
    "empty.conf": ["", t("tunnels.file.empty")],
    "large.conf": ["# " + "x".repeat(300 << 10), t("tunnels.file.large")],
    "noise.conf": [Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 97) % 256)), /./],
    "key.conf": [good.replace(/PrivateKey = .*/, "PrivateKey = hello"), "PrivateKey"],
    "twice.conf": [good + good, /./],
    "port.conf": [good.replace(/Endpoint = .*/, "Endpoint = 192.0.2.1:99999"), "Endpoint"],
    "mtu.conf": [good.replace("[Peer]", "MTU = 70000\n[Peer]"), "MTU"],
    "unknown.conf": [good.replace("[Peer]", "Backdoor = yes\n[Peer]"), "Backdoor"],
    "control.conf": [good.replace("[Peer]", "DNS = 10.0.0.1\u0007\n[Peer]"), /./],
    "page.conf": ["<html><script>alert(1)</script></html>", /./],
    "bad.zip": ["PK this is none", t("tunnels.zip.bad")],
    "none.zip": [zip([["readme.md", "hello"]]), t("tunnels.zip.none.one", { count: 1 })],
    "locked.zip": [zip([["a.conf", good]], { locked: true }), t("tunnels.zip.locked"), "a.conf"],
    "nested.zip": [zip([["inner.zip", zip([["a.conf", good]])]]), t("tunnels.zip.nested"), "inner.zip"],
    "many.zip": [zip(Array.from({ length: 101 }, (_, i) => [`n${i}.conf`, good])), t("tunnels.zip.many")],
    "bomb.zip": [zip([["zeros.conf", Buffer.alloc(64 << 20)]]), /./, null],
  };
  await toImport(tab);
  for (const [name, [content, why, from = name]] of Object.entries(bad)) {
    await picks(tab, file(name, content));
    const one = from === null ? cards(tab).last() : card(tab, from).last();
    await one.and(tab.page.locator('[data-tone="bad"]')).waitFor();
    await one.getByText(why).first().waitFor();
    await tab.button("tunnels.import.tidy").click();
    await until("an empty list", async () => (await cards(tab).count()) === 0);
  }
  assert.deepEqual(await names(w), before);
});

journey("shows what a hostile file would do, and does none of it", { world: three }, async ({ w, tab }) => {
  await toImport(tab);
  const scripts = ["PostUp = touch /tmp/owned-by-holdfast", "PreDown = curl http://127.0.0.1:1/ | sh"];
  await picks(tab, file("../../etc/<img src=x onerror=alert(1)>.conf", config(w).replace("[Peer]", scripts.join("\n") + "\n[Peer]")));
  const one = cards(tab).first();
  await one.getByText(t("tunnels.scripts.other", { count: 2 })).waitFor();
  for (const line of scripts) await one.getByText(line.split(" = ")[1]).waitFor();
  await one.getByLabel(t("tunnels.name"), { exact: true }).fill("hostile");
  await tab.button("tunnels.import.save.one", { count: 1 }).click();
  await tab.page.getByText(t("tunnels.import.saved.one", { count: 1 })).waitFor();
  assert.equal(await tab.page.locator("img[src=x]").count(), 0);
  for (const name of ["../x", "a/b", "CON", ".", "%i", "<b>", "a b", "x".repeat(16)]) {
    const reply = await w.api("POST", "tunnels", { name, text: config(w) }).catch((err) => err);
    assert.ok(reply.status >= 400, name);
  }
});

/** Where the members stand on the page. */
const order = (tab) => tab.page.locator("article.group ol li b").allTextContents();

journey("orders a group by drag and by keyboard", { world: three }, async ({ w, tab }) => {
  await tab.go("tunnels");
  const grip = (name) => tab.page.locator(`li[data-name="${name}"] .grip`);
  await grip("paris").waitFor();
  const box = await grip("paris").boundingBox(), top = await grip("berlin").boundingBox();
  await tab.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await tab.page.mouse.down();
  await tab.page.mouse.move(top.x + top.width / 2, top.y - 4, { steps: 12 });
  await tab.page.mouse.up();
  assert.deepEqual(await order(tab), ["paris", "berlin", "oslo"]);
  await until("the order", async () => (await members(w, "home")).join() === "paris,berlin,oslo");
  // A drag that is broken off leaves all as it was.
  await tab.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await tab.page.mouse.down();
  await tab.page.mouse.move(top.x + top.width / 2, top.y - 4, { steps: 6 });
  await tab.page.keyboard.press("Escape");
  await tab.page.mouse.up();
  assert.deepEqual(await order(tab), ["paris", "berlin", "oslo"]);
  const down = tab.button("tunnels.order.down", { name: "paris" });
  await tab.press(down);
  await tab.page.getByText(t("tunnels.order.told", { name: "paris", place: 2, of: 3 })).waitFor({ state: "attached" });
  assert.ok(await down.evaluate((e) => e === document.activeElement), "the focus stays with what was moved");
  await tab.page.keyboard.press("Enter");
  await until("the order", async () => (await members(w, "home")).join() === "berlin,oslo,paris");
  assert.deepEqual(await order(tab), ["berlin", "oslo", "paris"]);
});

journey("edits with errors on their lines, and keeps the keys to itself", { world: three }, async ({ w, tab }) => {
  tab.expects(/400|422|Bad Request|Unprocessable/);
  await tab.go("tunnels");
  await tab.page.locator('#view a[href="#/tunnels/oslo"]').first().click();
  await tab.page.getByRole("link", { name: t("tunnels.edit"), exact: true }).click();
  const area = tab.page.getByLabel(t("tunnels.edit.text"), { exact: true });
  const text = await area.inputValue();
  assert.match(text, /PrivateKey = \(kept\)/);
  const secret = /PrivateKey = (\S+)/.exec(config(w, 1))[1];
  assert.ok(!(await tab.page.content()).includes(secret));
  await area.fill(text.replace(/Endpoint = .*/, "Endpoint = nowhere"));
  const line = text.split("\n").findIndex((l) => l.startsWith("Endpoint")) + 1;
  await tab.page.getByText(t("tunnels.line", { line })).first().waitFor();
  await area.fill(text.replace("[Peer]", "MTU = 1300\n[Peer]"));
  await tab.page.getByText(t("tunnels.line", { line })).first().waitFor({ state: "detached" });
  await tab.button("tunnels.save").click();
  await tab.page.getByText(t("tunnels.saved", { name: "oslo" })).waitFor();
  const kept = await w.api("GET", "tunnels/oslo/export");
  assert.match(kept.text, /MTU = 1300/);
  assert.ok(kept.text.includes(secret), "the key was not kept");
});

for (const [how, act, write] of [
  ["by mouse", (tab, l) => l.first().click(), (tab, l, text) => l.fill(text)],
  ["by keyboard", (tab, l) => tab.press(l), async (tab, l, text) => {
    await tab.focus(l);
    await tab.page.keyboard.press("Control+a");
    await tab.page.keyboard.insertText(text);
  }],
]) {
  journey(`renames, deletes and takes it back, ${how}`, { world: three }, async ({ w, tab }) => {
    tab.expects(/404.*tunnels\/(oslo|bergen)$/); // what is shown may be asked for once more as it goes
    await tab.go("tunnels");
    const dialog = tab.page.getByRole("dialog");
    await act(tab, tab.page.locator('#view a[href="#/tunnels/oslo"]'));
    await act(tab, tab.button("tunnels.rename"));
    await write(tab, dialog.getByLabel(t("tunnels.name")), "bergen");
    await act(tab, dialog.getByRole("button", { name: t("tunnels.rename"), exact: true }));
    await until("the new name", async () => (await names(w)).join() === "bergen,berlin,paris");
    assert.deepEqual(await members(w, "home"), ["berlin", "bergen", "paris"]);
    await tab.page.getByRole("heading", { level: 1, name: "bergen" }).waitFor();
    await act(tab, tab.button("tunnels.delete"));
    await act(tab, dialog.getByRole("button", { name: t("tunnels.delete"), exact: true }));
    await until("it to be gone", async () => (await names(w)).join() === "berlin,paris");
    await act(tab, tab.button("toast.undo"));
    await until("it to be back", async () => (await names(w)).join() === "bergen,berlin,paris");
    await until("its place", async () => (await members(w, "home")).join() === "berlin,bergen,paris");
  });

  journey(`takes a pasted configuration, and another text for it, ${how}`, { world: { servers: ["berlin", "oslo"], group: "" } }, async ({ w, tab }) => {
    await tab.go("tunnels");
    await act(tab, tab.page.getByRole("link", { name: t("tunnels.import"), exact: true }));
    await act(tab, tab.button("tunnels.import.paste"));
    await write(tab, tab.page.getByLabel(t("tunnels.import.text")), config(w, 1));
    await act(tab, tab.button("tunnels.import.look"));
    await write(tab, card(tab, t("tunnels.import.pasted")).getByLabel(t("tunnels.name")), "pasted");
    await act(tab, tab.button("tunnels.import.save.one", { count: 1 }));
    await until("it to be there", async () => (await names(w)).includes("pasted"));
    await tab.go("tunnels");
    await act(tab, tab.page.locator('#view a[href="#/tunnels/pasted"]'));
    await act(tab, tab.page.getByRole("link", { name: t("tunnels.edit"), exact: true }));
    const area = tab.page.getByLabel(t("tunnels.edit.text"), { exact: true });
    await write(tab, area, (await area.inputValue()).replace("[Peer]", "MTU = 1300\n[Peer]"));
    await act(tab, tab.button("tunnels.save"));
    await tab.page.getByText(t("tunnels.saved", { name: "pasted" })).waitFor();
    assert.match((await w.api("GET", "tunnels/pasted/export")).text, /MTU = 1300/);
  });

  journey(`gives the keys out after a question only, ${how}`, { world: three }, async ({ w, tab }) => {
    await tab.go("tunnels");
    await act(tab, tab.page.locator('#view a[href="#/tunnels/paris"]'));
    const dialog = tab.page.getByRole("dialog");
    await act(tab, tab.button("tunnels.export"));
    await dialog.getByText(t("tunnels.export.what")).waitFor();
    await tab.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.ok(await tab.button("tunnels.export").evaluate((e) => e === document.activeElement), "the focus is back");
    await act(tab, tab.button("tunnels.export"));
    const download = tab.page.waitForEvent("download");
    await act(tab, dialog.getByRole("button", { name: t("tunnels.export.yes"), exact: true }));
    const saved = await download;
    assert.equal(saved.suggestedFilename(), "paris.conf");
    assert.equal(readFileSync(await saved.path(), "utf8"), (await w.api("GET", "tunnels/paris/export")).text);
    await act(tab, tab.button("tunnels.qr"));
    await act(tab, dialog.getByRole("button", { name: t("tunnels.qr.yes"), exact: true }));
    await dialog.getByText(t("tunnels.qr.how")).waitFor();
    await tab.page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  });
}
