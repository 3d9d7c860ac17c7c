// Poses as the service: it passes on what the real one says, with texts that
// mean ill in place of every value that can carry one. The real service lets no
// such names in; the page must not rely on that.
import { createServer, request } from "node:http";
import { payloads } from "./payloads.mjs";

/** Repeats an entry for every text, changed by it. */
const each = (make) => payloads.map((s, i) => make(s, i));

const severities = ["low", "medium", "high"];

const notices = (at, shown) => shown.map((s, i) => ({
  id: i + 1, code: s, severity: severities[i % 3], tunnel: s, title: s, what: s, advice: s, evidence: s, since: at, acknowledged: false,
}));

const events = (at) => each((s, i) => ({
  id: i + 1, at, kind: ["failed_over", "verdict_changed", "config_changed", "denied", "notice_opened"][i % 5], tunnel: s, from: s, to: s, cause: s, evidence: s, sentence: s,
}));

const active = (a, s) => a && { ...a, tunnel: s, group: s, endpoint: s, cause: s, state: s };

/** What each route's reply becomes. */
const changes = [
  [/\/status$/, (d, shown) => status(d, shown)],
  [/\/history(\?|$)/, (d) => ({ ...d, events: events(new Date().toISOString()), next: "" })],
  [/\/history\/timeline/, (d) => ({ ...d, spans: (d.spans ?? []).map((x, i) => ({ ...x, tunnel: payloads[i], cause: payloads[i] })), switches: each((s, i) => ({ id: i + 1, at: d.until, kind: "failed_over", from: s, to: s, cause: s, downtimeMs: 5000 })) })],
  [/\/tunnels$/, (d) => ({ ...d, tunnels: each((s) => ({ name: s, groups: [s], active: false, endpoint: s, full: true, ...(s.length % 3 === 0 && { problem: s }) })) })],
  [/\/groups$/, (d) => ({ ...d, groups: each((s, i) => ({ name: s, members: [s, payloads[(i + 1) % payloads.length]] })).slice(0, 10) })],
  [/\/settings$/, (d) => ({ ...d, settings: d.settings?.map((x, i) => ({ ...x, help: payloads[i], unit: payloads[i] })) })],
  [/\/diagnosis/, (d) => ({ ...d, title: payloads[1], what: payloads[2], advice: payloads[3], evidence: payloads[4], checks: each((s) => ({ name: s, result: "failed", evidence: s, tookMs: 1 })) })],
  [/\/logs/, (d) => ({ ...d, lines: each((s) => ({ time: new Date().toISOString(), level: "INFO", message: s, msg: s, attrs: { [s]: s } })) })],
  [/\/version$/, (d) => ({ ...d, version: payloads[0], commit: payloads[1] })],
  [/\/me$/, (d) => ({ ...d, user: payloads[2] })],
];

const status = (d, shown) => ({
  ...d, notices: notices(d.at, shown), active: active(d.active, payloads[5]), wish: { ...d.wish, target: payloads[6] },
  members: shown.map((s, i) => ({ tunnel: s, role: i ? "fallback" : "primary", standby: "cold", lastAnswer: null, rttMs: null, heldUntil: null })),
  lastSwitch: { at: d.at, kind: "failed_over", from: payloads[7], to: payloads[8], cause: payloads[9], downtimeMs: 1000 },
});

/** A frame of a stream, changed as its kind is. */
function frame(text, shown) {
  const kind = /^event: ?(.*)$/m.exec(text)?.[1];
  return text.replace(/^data: ?(.*)$/m, (line, data) => {
    const d = JSON.parse(data);
    if (kind === "snapshot" || kind === "status") return "data: " + JSON.stringify(status(d, shown));
    if (kind === "event") return "data: " + JSON.stringify({ ...d, sentence: payloads[d.id % payloads.length], evidence: payloads[d.id % payloads.length] });
    if (kind === "figures") return "data: " + JSON.stringify({ ...d, tunnel: payloads[5] });
    return line;
  });
}

/**
 * Listens on a socket in front of the real one. refuse, where it is set, answers every wish; calm: all else is as it is;
 * shown: the texts of notices and members.
 */
export async function pose(socket, real) {
  const state = { refuse: null, calm: false, shown: [] };
  const server = createServer((ask, reply) => {
    if (state.refuse && ask.method === "POST") {
      reply.writeHead(409, { "Content-Type": "application/json" });
      return void reply.end(JSON.stringify({ code: "conflict", message: state.refuse, hint: state.refuse }));
    }
    const on = request({ socketPath: real, method: ask.method, path: ask.url, headers: { ...ask.headers, "accept-encoding": "identity" } }, (got) => {
      const headers = { ...got.headers };
      delete headers["content-length"];
      reply.writeHead(got.statusCode, headers);
      const stream = String(got.headers["content-type"]).includes("event-stream");
      let text = "";
      got.setEncoding("utf8").on("data", (more) => {
        text += more;
        if (!stream) return;
        const frames = text.split("\n\n");
        text = frames.pop();
        for (const f of frames) reply.write((state.calm ? f : frame(f, state.shown)) + "\n\n");
      });
      got.on("end", () => reply.end(stream ? "" : state.calm ? text : changed(ask.url, text, state.shown)));
    });
    on.on("error", () => reply.destroy());
    reply.on("close", () => on.destroy());
    ask.pipe(on);
  });
  await new Promise((done) => server.listen(socket, done));
  return Object.assign(state, { close: () => (server.closeAllConnections(), new Promise((done) => server.close(done))) });
}

function changed(url, text, shown) {
  const path = url.replace(/^\/api\/v1/, "");
  const change = changes.find(([at]) => at.test(path))?.[1];
  if (!change) return text;
  try {
    return JSON.stringify(change(JSON.parse(text), shown));
  } catch {
    return text;
  }
}
