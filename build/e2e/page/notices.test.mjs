// Every fault of the lab that a person is told of: the page shows what is the
// matter, and what to do about it, in these words. What is no trouble is not told.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { journey, quit, words } from "./browser.mjs";
import { root } from "./world.mjs";

after(quit);

const unanswered = {
  code: "key_or_server", title: "The server does not answer", advice: "Check the server, and the keys on both sides.",
};
const nothingBehind = {
  code: "forwards_nothing", title: "The server forwards nothing", advice: "Switch to another tunnel, or tell the server's operator.",
};
const lossy = {
  code: "lossy", title: "The line loses packets", advice: "Move closer to the access point, or try another network.", within: 120,
};

/** What one fault of the only server leads to. */
const alone = {
  blackhole: unanswered,
  blackhole_up: unanswered,
  blackhole_down: unanswered,
  revoked: unanswered,
  refused: { code: "nothing_listens", title: "Nothing listens at the server", advice: "Check the port in Endpoint, and whether WireGuard runs there." },
  psk: { code: "psk_mismatch", title: "The preshared key does not match", advice: "Compare PresharedKey on both sides." },
  forwarding: { ...nothingBehind, within: 120 },
  exit: { ...nothingBehind, within: 150 },
  loss: lossy,
  mtu: { code: "mtu", title: "Large packets are lost", advice: "There is nothing to be done. If it is so on every network, set mtu to the size that passes.", first: "upload" },
};

/** Faults that the tunnel copes with, or that only slow it down: nobody is told. */
const quiet = ["latency", "jitter", "reorder", "slow", "overload", "restart", "rebind"];

/** Those that are only another way to lossy; and one that takes minutes to be sure of. */
const others = ["loss_up", "loss_down", "bursts", "key_shared"];

test("every fault of the lab has its place here", () => {
  const text = readFileSync(join(root, "service/lab/fault.go"), "utf8");
  const keys = [...text.matchAll(/^\t\w+ +Fault = "(\w+)"/gm)].map((m) => m[1]);
  assert.ok(keys.length > 15);
  assert.deepEqual([...keys].sort(), [...Object.keys(alone), ...quiet, ...others].sort());
});

/** Waits for a notice, and reads it as a person would. */
async function reads(tab, { code, title, advice, within = 60 }) {
  const notice = tab.page.locator(`.notice[data-code="${code}"]`);
  await notice.waitFor({ timeout: within * 1000 });
  assert.equal(await notice.getByRole("heading").textContent(), title);
  assert.equal(await notice.locator(".advice").textContent(), advice);
  assert.ok((await notice.locator("p").first().textContent()).length > 20);
}

describe("a fault of the only server", { concurrency: 8 }, () => {
  for (const [fault, told] of Object.entries(alone)) {
    journey(`${fault}: ${told.title}`, { world: { servers: ["berlin"], group: "home", up: true }, timeout: 240_000 }, async ({ w, tab }) => {
      await w.reaches("protected");
      if (told.first) await w.do(told.first);
      await w.do("break berlin " + fault);
      await reads(tab, told);
    });
  }

  journey("no network: Check the cable", { world: { servers: ["berlin"], group: "home", up: true } }, async ({ w, tab }) => {
    await w.reaches("protected");
    await w.do("network off");
    const notice = { code: "no_network", title: "No network", advice: "Check the cable or the Wi-Fi." };
    await reads(tab, notice);
    await w.do("network on");
    await tab.says("protected");
    await tab.page.locator('.notice[data-code="no_network"]').waitFor({ state: "detached" });
  });

  journey("no member answers", { world: { servers: ["berlin", "paris"], group: "home", up: true }, timeout: 150_000 }, async ({ w, tab }) => {
    await w.reaches("protected");
    for (const name of ["berlin", "paris"]) await w.do(`break ${name} blackhole`);
    await reads(tab, {
      code: "all_silent", title: "No member answers", within: 90,
      advice: "Check this computer's network: what fails everywhere is rarely the servers.",
    });
  });

  journey("a failover, in German", { world: { servers: ["berlin", "paris"], group: "home", up: true }, page: { locale: "de-DE" } }, async ({ w, tab }) => {
    await w.reaches("protected");
    await w.do("break berlin revoked");
    const notice = tab.page.locator('.notice[data-code="failed_over"]');
    await notice.waitFor();
    const { notices } = await w.status();
    const english = notices.find((n) => n.code === "failed_over").title;
    assert.equal(english, "Moved to another tunnel");
    assert.notEqual(await notice.getByRole("heading").textContent(), english);
    await tab.page.getByText(words("de")("notice.seen"), { exact: true }).first().waitFor();
  });

  journey("what is no trouble is not told", { world: { servers: ["berlin"], group: "home", up: true }, timeout: 120_000 }, async ({ w, tab }) => {
    await w.reaches("protected");
    const seen = tab.page.evaluate(() => new Promise((done) => {
      window.enough = () => done([...found]);
      const found = new Set();
      new MutationObserver(() => document.querySelectorAll(".notice").forEach((n) => found.add(n.dataset.code))).observe(document.body, { subtree: true, childList: true });
    }));
    for (const fault of quiet) {
      await w.do("break berlin " + fault);
      await w.reaches("protected");
      await w.do("heal");
    }
    await tab.says("protected");
    await tab.page.evaluate(() => window.enough());
    assert.deepEqual(await seen, []);
  });
});
