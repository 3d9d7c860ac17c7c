import { useSignal, type Signal } from "@preact/signals";
import { told, t } from "../../words";
import { reason, type Reason } from "../../part/toast";
import { change, label } from "./store";
import { kindOf, range, shown, wire, wordOf } from "./value";
import { barred, command, hindrance } from "./who";
import type { Setting } from "../../types";

/** One setting: what it does, what it is now, and what it may be. Its input follows from what the API says of it. */
export function Field({ s }: { s: Setting }) {
  const wrong = useSignal<Reason | null>(null);
  const id = "setting-" + s.key, fixed = hindrance(s) !== "", text = kindOf(s) === "text";
  const put = async (value: string) => {
    try {
      await change(s, value);
      wrong.value = null;
    } catch (err) {
      wrong.value = reason(err);
    }
    return wrong.value === null;
  };
  const described = [id + "-help", wrong.value && id + "-wrong"].filter(Boolean).join(" ");
  const own = told(`setting.${s.key}.help`, "");
  return (
    <div class={text ? "set long" : "set"}>
      <div>
        {fixed ? <b>{label(s)}</b> : <label for={id}><b>{label(s)}</b></label>}
        <p class="small" id={id + "-help"} lang={own ? undefined : "en"}>{own || s.help}</p>
        <p class="small">
          {[range(s), !text && t("settings.default", { value: shown(s, s.default) })].filter(Boolean).join(" · ")}
          {!fixed && s.value !== s.default && <Reset s={s} id={id} put={put} />}
        </p>
        {fixed && s.admin && !barred() && <p class="small">{hindrance(s)} <code>{command(s)}</code></p>}
      </div>
      <div class="value">
        {fixed ? <Fixed s={s} /> : <Input s={s} id={id} put={put} wrong={wrong} described={described} />}
        {wrong.value && <p class="wrong" id={id + "-wrong"} role="alert" lang={wrong.value.lang}>{wrong.value.text}{wrong.value.hint !== s.help && " " + wrong.value.hint}</p>}
      </div>
    </div>
  );
}

/** The value, where the person may not change it. */
const Fixed = ({ s }: { s: Setting }) => <b>{kindOf(s) === "switch" ? t("settings.word." + s.value) : shown(s, s.value)}</b>;

function Reset({ s, id, put }: { s: Setting; id: string; put: (value: string) => Promise<boolean> }) {
  const press = async () => {
    await put(s.default);
    document.getElementById(id)?.focus(); // this button is gone now
  };
  return <button type="button" class="bare" aria-label={t("settings.resetOf", { setting: label(s), value: shown(s, s.default) })} onClick={press}>{t("settings.reset")}</button>;
}

interface InputProps { s: Setting; id: string; put: (value: string) => Promise<boolean>; wrong: Signal<Reason | null>; described: string }

function Input(p: InputProps) {
  const { s, id, put, described } = p;
  switch (kindOf(s)) {
    case "switch":
      return <input type="checkbox" role="switch" id={id} aria-describedby={described} checked={s.value === "true"} onChange={(e) => put(String(e.currentTarget.checked))} />;
    case "choice":
      return (
        <select id={id} value={s.value} aria-describedby={described} onChange={(e) => put(e.currentTarget.value)}>
          {s.choices.map((c) => <option key={c} value={c}>{wordOf(s, c)}</option>)}
        </select>
      );
    default:
      return <Text {...p} />;
  }
}

type Typing = { currentTarget: { value: string } };

/** A figure, a length of time or a text. What was refused stays there to be mended. */
function Text({ s, id, put, wrong, described }: InputProps) {
  const draft = useSignal<string | null>(null);
  const text = kindOf(s) === "text";
  const common = {
    id, autocomplete: "off", spellcheck: false, value: draft.value ?? shown(s, s.value), "aria-invalid": wrong.value ? true : undefined, "aria-describedby": described,
    onInput: (e: Typing) => (draft.value = e.currentTarget.value),
    onChange: (e: Typing) => keep(e.currentTarget.value),
    onKeyDown: (e: KeyboardEvent) => e.key === "Escape" && (draft.value = wrong.value = null),
  };
  const keep = async (typed: string) => {
    if (await put(wire(s, typed))) draft.value = null;
  };
  if (text) return <textarea {...common} class="code" dir="ltr" rows={3} />;
  return (
    <>
      <input {...common} list={s.choices.length > 0 ? id + "-words" : undefined} />
      {s.choices.length > 0 && <datalist id={id + "-words"}>{s.choices.map((c) => <option key={c} value={wordOf(s, c)} />)}</datalist>}
    </>
  );
}
