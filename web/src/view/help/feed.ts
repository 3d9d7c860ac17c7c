import { signal } from "@preact/signals";
import { send } from "../../api";
import { messages } from "../../sse";
import type { LogLine } from "../../types";

/** How many lines are kept; the service keeps as many. */
const most = 2_000;
/** Lines come in showers: the page draws at most this often, in ms. */
const drawEvery = 200;
const againAfter = 2_000;

export interface Line extends LogLine { n: number }

/** The service's log as it is written, the oldest line first. Each line has a number of its own. */
export class Feed {
  readonly lines = signal<Line[]>([]);
  private next = 1;
  private waiting: Line[] = [];
  private timer = 0;
  private anew = true;
  private running: AbortController | null = null;

  /** Follows the log while the page is visible. It returns what ends that. */
  follow(): () => void {
    const look = () => (document.hidden ? this.stop() : this.start());
    addEventListener("visibilitychange", look);
    look();
    return () => {
      removeEventListener("visibilitychange", look);
      this.stop();
    };
  }

  private start() {
    if (this.running) return;
    this.running = new AbortController();
    void this.keepReading(this.running.signal);
  }

  private stop() {
    this.running?.abort();
    this.running = null;
    clearTimeout(this.timer);
    this.timer = 0;
  }

  private async keepReading(signal: AbortSignal) {
    while (!signal.aborted) {
      await this.read(signal).catch(() => {}); // that the service is gone is told elsewhere
      await new Promise((done) => setTimeout(done, againAfter));
    }
  }

  private async read(signal: AbortSignal) {
    const reply = await send("GET", `/api/v1/logs?follow=true&lines=${most}`, undefined, "text/event-stream", signal);
    this.waiting = [];
    this.anew = true; // it begins with all that the service has
    await messages(reply, (list) => {
      for (const m of list) if (m.kind === "line") this.waiting.push({ ...JSON.parse(m.data), n: this.next++ });
      this.timer ||= window.setTimeout(() => this.draw(), drawEvery);
    });
  }

  private draw() {
    this.timer = 0;
    this.lines.value = [...(this.anew ? [] : this.lines.value), ...this.waiting].slice(-most);
    this.waiting = [];
    this.anew = false;
  }
}
