// The world of a test: the real programs, on loopback and in a folder of their
// own. What a test started ends with it, by its process id.
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

export const root = resolve(import.meta.dirname, "../../..");

/** How long a program may take to say that it is ready, and a test to see what must come. */
export const patience = 30_000;

/** Where the programs are. They are built once for a run; see run.mjs. */
export function programs() {
  const dir = process.env.HOLDFAST_PROGRAMS ?? join(root, "build/out/page");
  if (!process.env.HOLDFAST_PROGRAMS) build(dir);
  return { service: join(dir, "service"), cli: join(dir, "cli"), lab: join(dir, "lab"), pretend: join(dir, "pretend") };
}

/** Why no service can have a guard here; false: one can. */
export const unguarded = (process.getuid?.() !== 0 && "a guard needs root") || (spawnSync("ip", ["netns"]).status !== 0 && "there are no network namespaces");

export function build(dir) {
  mkdirSync(dir, { recursive: true });
  execFileSync("go", ["build", "-o", dir + "/", "./service", "./app/cli", "./build/e2e/lab", "./build/e2e/pretend"], { cwd: root, stdio: "inherit" });
}

/** Asks until the answer is true-ish, and returns it. */
export async function until(what, ask, within = patience) {
  for (const end = Date.now() + within; ; ) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error("waited too long for " + what);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** Whatever still runs when this process ends, for whatever reason, ends with it. */
const running = new Set(), folders = new Set(), namespaces = new Set();
const unmake = (namespace) => spawnSync("ip", ["netns", "del", namespace]);
process.once("exit", () => {
  for (const p of running) p.kill("SIGKILL");
  for (const n of namespaces) unmake(n);
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

/** A running program. */
export class Program {
  #lines = [];
  #waiting = [];

  constructor(path, args, env = {}) {
    this.name = path.split("/").pop() + " " + args[0];
    this.said = "";
    this.process = spawn(path, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.pid = this.process.pid;
    running.add(this.process);
    this.over = new Promise((done) => this.process.once("exit", (code, signal) => (running.delete(this.process), done(code ?? signal))));
    this.process.stderr.on("data", (text) => (this.said = (this.said + text).slice(-64_000)));
    createInterface(this.process.stdout).on("line", (line) => {
      const waiting = this.#waiting.shift();
      waiting ? waiting(line) : this.#lines.push(line);
    });
  }

  /** The next line of its standard output. */
  async line() {
    if (this.#lines.length) return this.#lines.shift();
    const next = new Promise((done) => this.#waiting.push(done));
    const ended = this.over.then((code) => { throw new Error(`${this.name} ended with ${code}: ${this.said}`); });
    return within(Promise.race([next, ended]), `a line of ${this.name}`);
  }

  write(line) { this.process.stdin.write(line + "\n"); }

  /** Ends it as its supervisor would, and by force where it does not. */
  async end(signal = "SIGTERM") {
    this.process.kill(signal);
    const hard = setTimeout(() => this.process.kill("SIGKILL"), patience);
    await this.over;
    clearTimeout(hard);
  }
}

/** A promise that may not take for ever. */
export function within(promise, what, ms = patience) {
  let timer;
  const late = new Promise((_, no) => (timer = setTimeout(() => no(new Error("waited too long for " + what)), ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * Starts a world:
 *   servers   the lab's servers, the primary first; "b@a" is another endpoint of a
 *   service   "own": holdfastd, a process of its own; "lab": the service inside the lab, with traffic
 *             through its tunnel, and a network that can be taken away; "demo": holdfast demo; "guarded": a
 *             holdfastd with a guard, in a network of its own whose uplink leads nowhere; "pretend": the API
 *             before a world in memory that is told how things stand; "none"
 *   role      what whoever asks may do ("pretend" only)
 *   group     the servers' configs are there, in a group of this name
 *   up        the group is connected to ("lab" only)
 *   settings  those that are not the defaults
 *   web       arguments of holdfast web. null: the page is not served
 */
export async function start({ servers = [], service = "lab", group = "", up = false, settings = {}, web = [], socket, role = "admin" } = {}) {
  const w = new World(programs());
  try {
    await w.start({ servers, service, group, up, settings, web, socket, role });
    return w;
  } catch (err) {
    await w.end();
    throw err;
  }
}

class World {
  #started = [];

  constructor(programs) {
    this.programs = programs;
    this.dir = mkdtempSync(join(tmpdir(), "holdfast-page-"));
    folders.add(this.dir);
    chmodSync(this.dir, 0o700);
    this.socket = join(this.dir, "run", "holdfast.sock");
    // Nothing of the person who runs the tests is read or written.
    this.env = {
      HOME: this.dir, XDG_CONFIG_HOME: join(this.dir, "config"), XDG_CACHE_HOME: join(this.dir, "cache"),
      XDG_RUNTIME_DIR: join(this.dir, "runtime"), DBUS_SESSION_BUS_ADDRESS: "disabled:", NO_COLOR: "1",
    };
    mkdirSync(this.env.XDG_RUNTIME_DIR, { mode: 0o700 });
  }

  async start({ servers, service, group, up, settings, web, socket, role }) {
    if (socket) this.socket = socket;
    if (service === "demo") return this.#demo();
    if (servers.length || service === "lab") await this.#lab({ servers, service, group, up, settings });
    if (service === "pretend") {
      this.lab = this.run(this.programs.pretend, [this.socket, role]);
      await this.lab.line();
    }
    if (service === "guarded") this.#network();
    if (service === "own" || service === "guarded") {
      this.settings({ third_party_checks: "false", ...settings });
      await this.serve();
      if (group) await this.configure(group);
    }
    if (web) await this.host(web);
  }

  /** Starts the demo, with a script that leaves it to the test. */
  async #demo() {
    const script = join(this.dir, "quiet.txt");
    writeFileSync(script, "0s say A test plays.\n3600s end\n");
    const demo = this.run(this.programs.cli, ["demo", "--json", "--no-browser", "--script", script], { TMPDIR: this.dir });
    const { socket, url } = JSON.parse(await demo.line()).page;
    Object.assign(this, { socket, url, port: Number(new URL(url).port) });
  }

  async #lab({ servers, service, group, up, settings }) {
    const args = [];
    if (service === "lab") {
      args.push("--service", this.dir);
      for (const [key, value] of Object.entries(settings)) args.push("--set", `${key}=${value}`);
      if (group) args.push("--group", group);
      if (up) args.push("--up");
    }
    this.lab = this.run(this.programs.lab, [...args, ...servers]);
    this.servers = JSON.parse(await this.lab.line()).servers ?? [];
  }

  /** Writes the service's settings as they are kept. */
  settings(values) {
    mkdirSync(join(this.dir, "etc"), { recursive: true, mode: 0o700 });
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${/^(true|false|\d+)$/.test(value) ? value : JSON.stringify(value)}`);
    writeFileSync(join(this.dir, "etc", "holdfast.toml"), "[settings]\n" + lines.join("\n") + "\n", { mode: 0o600 });
  }

  /** Makes a network namespace with an uplink. It ends with the world. */
  #network() {
    this.namespace = "hfp-" + this.dir.split("-").pop();
    const ip = (...words) => execFileSync("ip", words, { stdio: "pipe" });
    ip("netns", "add", this.namespace);
    namespaces.add(this.namespace);
    for (const words of ["link set lo up", "link add up0 type veth peer name up1", "addr add 192.0.2.2/24 dev up0", "link set up0 up", "link set up1 up", "route add default via 192.0.2.1"]) {
      ip("-n", this.namespace, ...words.split(" "));
    }
  }

  /** Starts holdfastd on what is in the folder, and waits until it answers. */
  async serve() {
    const at = (name) => join(this.dir, name);
    const how = this.namespace ? ["ip", "netns", "exec", this.namespace, this.programs.service, "run"] : [this.programs.service, "run", "--userspace"];
    this.service = this.run(how[0], [...how.slice(1), "--config-dir", at("etc"), "--state-dir", at("var"), "--socket", this.socket]);
    await until("the service", () => this.api("GET", "version").catch(() => null));
  }

  /** Starts holdfast web. */
  async host(args = []) {
    this.web = this.run(this.programs.cli, ["web", "--no-browser", "--json", "--socket", this.socket, ...args]);
    this.url = JSON.parse(await this.web.line()).url;
    this.port = Number(new URL(this.url).port);
  }

  run(path, args, env = {}) {
    const p = new Program(path, args, { ...this.env, ...env });
    this.#started.unshift(p);
    return p;
  }

  /** Runs the command line to its end, and returns what it printed. */
  async cli(...args) {
    const { stdout } = await promisify(execFile)(this.programs.cli, [...args, "--socket", this.socket], { env: { ...process.env, ...this.env } });
    return stdout.trim();
  }

  /** A fresh address of the page, good once. */
  open(...args) { return this.cli("open", "--print", ...args); }

  /** Has the lab do something; returns when that was done. */
  async do(command) {
    this.lab.write(command);
    const answer = JSON.parse(await this.lab.line());
    if (answer.error) throw new Error(`${command}: ${answer.error}`);
    return Date.parse(answer.at);
  }

  /** Has a pretended service stand so: its guard, which is shut where nothing else is said, and more fields of its status. */
  stand(guard, more = {}) {
    return this.do("stand " + JSON.stringify({ guard: { mode: "auto", verified: true, blocking: false, released: false, pausedUntil: null, ...guard }, ...more }));
  }

  /** Asks the service itself, beside the page. */
  api(method, path, body) {
    return new Promise((done, no) => {
      const headers = { Host: "holdfast", ...(method === "GET" ? {} : { "Content-Type": "application/json" }) };
      const r = request({ socketPath: this.socket, method, path: "/api/v1/" + path, headers }, (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (more) => (text += more));
        reply.on("end", () => (reply.statusCode < 300 ? done(json(text)) : no(Object.assign(new Error(text), { status: reply.statusCode }))));
      });
      r.on("error", no);
      r.end(method === "GET" ? undefined : JSON.stringify(body ?? {}));
    });
  }

  /** Imports the lab's servers and makes a group of them. */
  async configure(group) {
    for (const s of this.servers) await this.api("POST", "tunnels", { name: s.name, text: s.config });
    await this.api("PUT", "groups/" + group, { members: this.servers.map((s) => s.name) });
  }

  status() { return this.api("GET", "status"); }

  reaches(overall, ms) { return until(overall, async () => (await this.status()).overall === overall, ms); }

  /** The latest event of a kind; null where there was none. */
  async event(kind) { return (await this.api("GET", `history?kind=${kind}&limit=1`)).events[0] ?? null; }

  async end() {
    for (const p of this.#started) await p.end();
    if (this.namespace) unmake(this.namespace);
    namespaces.delete(this.namespace);
    rmSync(this.dir, { recursive: true, force: true });
    folders.delete(this.dir);
  }
}

const json = (text) => { try { return JSON.parse(text); } catch { return text; } };
