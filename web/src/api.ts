import { language } from "./words";
import { bearer, lock } from "./session";
import type { ApiFailure, Problem } from "./types";

/** What the service, or the page's host, refused; its message and hint are for a person. */
export class Refusal extends Error {
  readonly code: string;
  readonly hint: string;
  readonly problems: Problem[];

  constructor(f: ApiFailure) {
    super(f.message);
    this.code = f.code;
    this.hint = f.hint ?? "";
    this.problems = f.problems ?? [];
  }
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Makes a request and returns its reply. It throws a Refusal where that is not a success. */
export async function send(method: Method, path: string, body?: unknown, accept?: string, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { ...bearer(), "Accept-Language": language.value };
  if (accept) headers.Accept = accept;
  if (method !== "GET") headers["Content-Type"] = "application/json";
  const init: RequestInit = { method, headers, signal };
  if (method !== "GET") init.body = JSON.stringify(body ?? {});
  const reply = await fetch(path, init).catch((err) => {
    if (signal?.aborted) throw err;
    throw new Refusal({ code: "unreachable", message: "", hint: "" });
  });
  if (reply.ok) return reply;
  const failure: ApiFailure = await reply.json().catch(() => ({ code: "internal", message: reply.status + " " + reply.statusText, hint: "" }));
  if (failure.code === "no_session") lock();
  throw new Refusal(failure);
}

async function json<T>(method: Method, path: string, body?: unknown): Promise<T> {
  return (await send(method, path, body)).json();
}

const at = (path: string) => "/api/v1/" + path;

/** The service's API, by its routes below /api/v1. */
export const api = {
  get: <T>(path: string) => json<T>("GET", at(path)),
  post: <T>(path: string, body?: unknown) => json<T>("POST", at(path), body),
  put: <T>(path: string, body?: unknown) => json<T>("PUT", at(path), body),
  patch: <T>(path: string, body?: unknown) => json<T>("PATCH", at(path), body),
  remove: <T>(path: string) => json<T>("DELETE", at(path)),
};

/** The page's own host: what belongs to the person, not to the service. */
export const host = {
  get: <T>(path: string) => json<T>("GET", "/agent/v1/" + path),
  post: <T>(path: string, body?: unknown) => json<T>("POST", "/agent/v1/" + path, body),
  patch: <T>(path: string, body?: unknown) => json<T>("PATCH", "/agent/v1/" + path, body),
  remove: <T>(path: string) => json<T>("DELETE", "/agent/v1/" + path),
};

/** Escapes one part of a path. */
export const part = encodeURIComponent;
