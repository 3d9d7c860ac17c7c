import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { groups, tunnels } from "../data";
import { t } from "../words";
import { to } from "../route";
import { Drop } from "./tunnels/drop";
import { Candidates, Intake } from "./tunnels/import";
import { incoming } from "./tunnels/incoming";
import { Done } from "./welcome/done";
import { Guard } from "./welcome/guard";
import { Test } from "./welcome/test";
import { welcoming } from "./welcome/state";

const steps = ["import", "test", "guard", "done"] as const;

const at = signal(0);

/** The first run: from nothing to a tunnel that was seen to work. */
export function Welcome() {
  const head = useRef<HTMLHeadingElement>(null), shown = useRef(at.value);
  const target = useSignal("");
  useEffect(() => {
    welcoming.value = true;
    return () => (incoming.value = incoming.value.filter((x) => x.state !== "saved"));
  }, []);
  useEffect(() => {
    if (shown.current !== at.value) head.current!.focus();
    shown.current = at.value;
  }, [at.value]);
  const leave = () => {
    welcoming.value = false;
    at.value = 0;
  };
  const next = () => (at.value === steps.length - 1 ? leave() : (at.value += 1));
  const back = at.value > 0 ? () => (at.value -= 1) : undefined;
  const step = steps[at.value];
  return (
    <>
      <header class="welcome">
        <h1>{t("welcome.title")}</h1>
        <ol class="steps" aria-label={t("welcome.steps")}>
          {steps.map((s, i) => <li key={s} aria-current={i === at.value ? "step" : undefined} data-past={i < at.value || undefined}>{t("welcome.step." + s)}</li>)}
        </ol>
      </header>
      <h2 ref={head} tabIndex={-1} class="big">{t("welcome." + step)}</h2>
      {step === "import" && <Bring next={next} />}
      {step === "test" && <Test target={target} next={next} back={back!} />}
      {step === "guard" && <Guard next={next} back={back!} />}
      {step === "done" && <Done next={next} back={back!} />}
    </>
  );
}

function Bring({ next }: { next: () => void }) {
  const there = tunnels.value?.length ?? 0;
  // One tunnel that was saved is all there is to do here; several may become a group first.
  const saved = (names: string[]) => {
    if (names.length === 1 && incoming.value.every((x) => x.state === "saved")) next();
  };
  return (
    <>
      <p>{t("welcome.import.what")}</p>
      <Intake />
      <Drop then={() => {}} />
      <Candidates then={saved} />
      {there > 0 && (
        <div class="actions">
          <button type="button" class="primary" onClick={next}>{t("welcome.import.next", { count: there, groups: groups.value.length })}</button>
        </div>
      )}
      {there === 0 && <p><a href={to("tunnels", "", "new")}>{t("welcome.import.write")}</a></p>}
    </>
  );
}
