import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { api } from "../api";
import { moment } from "../format";
import { mayAct, mayAdmin, now } from "../live";
import { Button } from "../part/button";
import { confirm } from "../part/dialog";
import { guard, type Tone } from "../state";
import { t } from "../words";
import type { Status } from "../types";

const ask = (action: string) => api.post("guard", { action });

/** What the kill switch does to the person now that is not as always, and what they can do about it. */
export function Guard({ s }: { s: Status }) {
  switch (guard(s)) {
    case "paused": return <Paused until={s.guard.pausedUntil!} />;
    case "released": return <Released />;
    case "unverified": return s.notices.some((n) => n.code === "guard_failed") ? null : <Card name="unverified" tone="bad" />;
  }
  if (s.overall === "sign-in needed") return s.wish.on ? <SignIn /> : null;
  return s.overall === "blocked" ? <Blocking s={s} /> : null;
}

function Card({ name, tone, more, children }: { name: string; tone: Tone; more?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <section class="notices guard">
      <article class="notice" data-tone={tone} data-guard={name}>
        <h2>{t(`guard.${name}.title`)}{more}</h2>
        <p>{t(`guard.${name}.what`)}</p>
        {children}
      </article>
    </section>
  );
}

/** The page that the network wants seen is not to be had through the tunnel. */
function SignIn() {
  return (
    <Card name="signIn" tone="warn">
      {mayAct.value && <div class="actions"><Button kind="primary" act={() => ask("pause")}>{t("guard.pauseToSignIn")}</Button></div>}
    </Card>
  );
}

function Paused({ until }: { until: string }) {
  const left = useLeft(until), clock = `${Math.floor(left / 60)}:${`${left % 60}`.padStart(2, "0")}`;
  return (
    <Card name="paused" tone="warn" more={<> · <span class="num" role="timer">{clock}</span></>}>
      <p>{t("guard.paused.then", { at: moment(until, now.value) })}</p>
      {mayAct.value && <div class="actions"><Button kind="primary" act={() => ask("on")}>{t("guard.return")}</Button></div>}
    </Card>
  );
}

/** How many seconds are left until a moment of the service's clock, which need not be that of this computer. */
function useLeft(until: string): number {
  const known = useRef({ theirs: now.value, ours: Date.now() }), tick = useSignal(Date.now());
  if (known.current.theirs !== now.value) known.current = { theirs: now.value, ours: Date.now() };
  useEffect(() => {
    const timer = setInterval(() => (tick.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const { theirs, ours } = known.current;
  return Math.max(0, Math.round((Date.parse(until) - theirs - Math.max(0, tick.value - ours)) / 1000));
}

function Released() {
  return (
    <Card name="released" tone="warn">
      {mayAdmin.value && <div class="actions"><Button kind="primary" act={() => ask("on")}>{t("guard.shut")}</Button></div>}
      <Told action="on" />
    </Card>
  );
}

/** Nothing leaves: since no tunnel works, since none is wished for, or since nobody knows what is. */
function Blocking({ s }: { s: Status }) {
  const unknown = !s.wish.on && s.guard.mode !== "always";
  const release = async () => {
    if (await confirm(t("guard.release.ask"), <p>{t("guard.release.what")}</p>, t("guard.release"), true)) await ask("release");
  };
  if (unknown) {
    return (
      <Card name="unknown" tone="bad">
        {mayAct.value && <div class="actions"><Button act={() => api.post("disconnect")}>{t("guard.stay")}</Button></div>}
      </Card>
    );
  }
  return (
    <Card name={s.wish.on ? "blocking" : "always"} tone="bad">
      {mayAct.value && (
        <div class="actions">
          {s.wish.on && <Button act={() => ask("pause")}>{t("guard.pause")}</Button>}
          {mayAdmin.value && <Button act={release}>{t("guard.release")}…</Button>}
        </div>
      )}
      <Told action="release" />
    </Card>
  );
}

/** How an administrator does what the person may not. */
function Told({ action }: { action: string }) {
  if (!mayAct.value || mayAdmin.value) return null;
  return <p><small>{t("settings.admin")} <code>sudo holdfast guard {action}</code></small></p>;
}
