// Opens the page of a host in Windows in a browser of Linux, whose connections come
// from a process of Windows: the host hears no other.
//
//	node page.mjs URL PROXY PICTURE
//
// It says "open" when the browser is there, and reads what "holdfast open --print"
// gives from its standard input; looks at the page, switches from the server near to
// far, takes a picture, and says "done".
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { lib, Tab } from "../page/browser.mjs";
import { patience } from "../page/world.mjs";

const [url, proxy, picture] = process.argv.slice(2);
const active = "#view .numbers dd b";

const type = lib("playwright-core").chromium;
const browser = await type.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"],
  proxy: { server: "socks5://" + proxy, bypass: "<-loopback>" },
});
try {
  const open = () => new Promise((address) => {
    const input = createInterface(process.stdin).once("line", (line) => (input.close(), address(line)));
    console.log("open");
  });
  const tab = await Tab.open({ url, open }, { browser });
  const uses = (server) => tab.page.locator(active).getByText(server, { exact: true }).waitFor({ timeout: patience });
  await tab.says("protected");
  await uses("near");
  await tab.button("member.switchTo", { tunnel: "far" }).click();
  await uses("far");
  await tab.says("protected");
  await tab.page.screenshot({ path: picture });
  await tab.go("history");
  tab.judge();
  assert.equal(new URL(tab.page.url()).hash, "#/history");
  console.log("done");
} finally {
  await browser.close();
}
