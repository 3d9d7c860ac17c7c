// What the API sends, as web/api has it in Go. Times are RFC 3339 in UTC.

export type Overall =
  | "off" | "connecting" | "protected" | "idle" | "checking" | "switching"
  | "stalled" | "blocked" | "offline" | "sign-in needed" | "service unreachable";

export type Verdict = "unknown" | "idle" | "healthy" | "suspect" | "unhealthy";
export type Severity = "low" | "medium" | "high";
export type Role = "none" | "viewer" | "operator" | "admin";

export interface Notice {
  id: number;
  code: string;
  severity: Severity;
  tunnel?: string;
  title: string;
  what: string;
  advice?: string;
  evidence?: string;
  since: string;
  clearedAt?: string;
  acknowledged: boolean;
}

export interface Active {
  tunnel: string;
  group: string;
  since: string;
  state: string;
  verdict: Verdict;
  cause: string | null;
  lastHandshake: string | null;
  handshakeAgeMs: number | null;
  lastRoundTrip: string | null;
  rxBytes: number;
  txBytes: number;
  rxRate: number;
  txRate: number;
  endpoint: string;
  rttMs: number | null;
  loss: number;
}

export interface Member {
  tunnel: string;
  role: "primary" | "fallback";
  standby: "active" | "cold" | "probing" | "warm";
  lastAnswer: string | null;
  rttMs: number | null;
  heldUntil: string | null;
}

export interface Guard {
  mode: "off" | "auto" | "always";
  verified: boolean;
  blocking: boolean;
  /** Everything may pass until the wish changes. */
  released: boolean;
  /** Until when everything may pass, for a sign-in. Null: it is not paused. */
  pausedUntil: string | null;
}

export interface Switch {
  id?: number;
  at: string;
  kind: string;
  from: string;
  to: string;
  cause?: string;
  downtimeMs: number;
}

export interface Status {
  schema: number;
  at: string;
  overall: Overall;
  wish: { on: boolean; target?: string };
  active: Active | null;
  members: Member[];
  underlay: string;
  guard: Guard;
  notices: Notice[];
  lastSwitch: Switch | null;
  eventId: number;
  limited?: boolean;
}

export interface Figures {
  at: string;
  tunnel: string;
  rxBytes: number;
  txBytes: number;
  rxRate: number;
  txRate: number;
  rttMs: number | null;
  loss: number;
  lastHandshake: string | null;
  handshakeAgeMs: number | null;
  lastRoundTrip: string | null;
}

export interface Event {
  id: number;
  at: string;
  kind: string;
  tunnel?: string;
  from?: string;
  to?: string;
  cause?: string;
  evidence?: string;
  downtimeMs?: number;
  sentence?: string;
}

export interface Sample {
  at: string;
  tunnel: string;
  rxBytes: number;
  txBytes: number;
  rttMs: number | null;
  loss: number | null;
  verdict: Verdict;
}

export interface Samples { stepMs: number; samples: Sample[] }

export interface Problem { line: number; message: string }

export interface ApiFailure {
  code: string;
  message: string;
  hint: string;
  problems?: Problem[];
}

export interface Me { role: Role; user: string }

export interface About {
  version: string;
  commit: string;
  os: string;
  arch: string;
  tray: boolean;
  demo: boolean;
  readOnly: boolean;
  user: string;
  languages: string[];
}

export type NoticeKind = "stall" | "failover" | "recovery" | "all_down" | "action_needed" | "guard_blocking";

export interface Prefs {
  language: string;
  theme: "auto" | "light" | "dark";
  notify: {
    enabled: boolean;
    pausedUntil: string | null;
    quietFrom: string;
    quietUntil: string;
    kinds: Record<NoticeKind, boolean>;
  };
  startAtLogin: boolean;
  loginSupported: boolean;
}

export interface TunnelSummary {
  name: string;
  groups: string[];
  active: boolean;
  endpoint: string;
  full: boolean;
  problem?: string;
}

export interface Group { name: string; members: string[] }

export interface Setting {
  key: string;
  value: string;
  default: string;
  unit: string;
  min: string;
  max: string;
  choices: string[];
  help: string;
  /** Only an administrator may change it. */
  admin: boolean;
}

/** Someone's access to the page, as its host lists them. */
export interface Session {
  id: string;
  browser: string;
  readOnly: boolean;
  begun: string;
  used: string;
  until: string;
  current: boolean;
}

export interface Finding { name: string; result: "running" | "ok" | "failed" | "skipped"; evidence: string; tookMs: number }

export interface Diagnosis {
  at: string;
  tunnel: string;
  verdict: Verdict;
  cause: string | null;
  certain: boolean;
  underlay: boolean;
  title: string;
  what: string;
  advice: string;
  evidence: string;
  others: string[];
  /** The words for others. A service before this page does not send them. */
  otherTitles?: string[];
  checks: Finding[];
}

export interface LogLine { at: string; level: string; text: string }

export interface Version { version: string; commit: string; go: string; os: string; arch: string }

/** How things were for a while. */
export interface Span {
  from: string;
  until: string;
  /** An overall word, or "unknown": the service was not running. */
  state: string;
  tunnel: string;
  cause?: string;
  /** How things stood for longest, where state, the worst, lasted for lastedMs only. */
  mostly?: string;
  lastedMs?: number;
}

export interface Timeline {
  since: string;
  until: string;
  spans: Span[];
  switches: Switch[];
  /** Of the time that a tunnel was wished for, how long it worked. */
  uptimeMs: number;
  wishedMs: number;
  outageMs: number;
  outages: number;
  longestMs: number;
}

/** A page of events; next is the cursor of the one that follows, "": there is none. */
export interface EventPage { events: Event[]; next: string }
