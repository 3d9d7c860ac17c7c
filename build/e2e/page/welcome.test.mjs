// The first run: from nothing to a tunnel that was seen to work.
import assert from "node:assert/strict";
import { after } from "node:test";
import { journey, quit, t } from "./browser.mjs";
import { until } from "./world.mjs";

after(quit);

const world = { servers: ["berlin"] };

/** Picks a file as a person does, in the dialog of the browser. */
async function pick(tab, act, ...files) {
  const chooser = tab.page.waitForEvent("filechooser");
  await act(tab.button("tunnels.import.pick"));
  await (await chooser).setFiles(files.map(([name, buffer]) => ({ name, mimeType: "text/plain", buffer: Buffer.from(buffer) })));
}

for (const [how, act, choose] of [
  ["by mouse", (tab) => (l) => l.click(), (tab, radio) => radio.check()],
  ["by keyboard alone", (tab) => (l) => tab.press(l), async (tab, radio) => {
    await tab.page.getByRole("radio", { checked: true }).waitFor();
    await tab.focus(tab.page.getByRole("radio", { checked: true }));
    while (!(await radio.isChecked())) await tab.page.keyboard.press("ArrowDown");
  }],
]) {
  journey(`first run to protected ${how}`, { world }, async ({ w, tab }) => {
    const press = act(tab);
    const step = (key) => tab.page.getByRole("heading", { level: 2, name: t("welcome." + key), exact: true }).waitFor();
    await step("import");
    await pick(tab, press, ["berlin.conf", w.servers[0].config]);
    await tab.page.getByText(t("tunnels.carries.all")).waitFor();
    await press(tab.button("tunnels.import.save.one", { count: 1 }));
    await step("test");
    await press(tab.button("welcome.test.start", { name: "berlin" }));
    await tab.page.getByText(t("welcome.test.works", { name: "berlin" })).waitFor();
    await press(tab.button("welcome.next"));
    await step("guard");
    await choose(tab, tab.page.getByRole("radio", { name: t("welcome.guard.always") }));
    await press(tab.button("welcome.next"));
    await step("done");
    await press(tab.button("welcome.done.go"));
    await tab.says("protected");
    const { settings } = await w.api("GET", "settings");
    assert.equal(settings.find((s) => s.key === "guard").value, "always");
    assert.deepEqual((await w.status()).wish, { on: true, target: "berlin" });
  });
}

journey("a first tunnel that does not answer is explained", { world }, async ({ w, tab }) => {
  await w.do("break berlin refused");
  await pick(tab, (l) => l.click(), ["berlin.conf", w.servers[0].config]);
  await tab.button("tunnels.import.save.one", { count: 1 }).click();
  await tab.button("welcome.test.start", { name: "berlin" }).click();
  const notice = tab.page.locator(".notice").filter({ hasText: "Nothing listens at the server" });
  await notice.first().waitFor({ timeout: 40_000 });
  await notice.getByText("Check the port in Endpoint").first().waitFor();
  await w.do("heal");
  await tab.page.getByText(t("welcome.test.works", { name: "berlin" })).waitFor({ timeout: 60_000 });
  await until("the tunnel", async () => (await w.status()).active?.tunnel === "berlin");
});
