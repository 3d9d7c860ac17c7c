import type { RefObject } from "preact";
import { useMemo } from "preact/hooks";
import { pieces } from "./tokens";

interface Props {
  text: string;
  change: (text: string) => void;
  /** The lines with problems, from 1. */
  bad: Set<number>;
  area: RefObject<HTMLTextAreaElement>;
  label: string;
  /** The id of what describes it. */
  about: string;
}

/**
 * A text area over the same text in colours. Both wrap alike, since both have the
 * same font and the same width; the coloured one makes the height and the numbers.
 */
export function Code({ text, change, bad, area, label, about }: Props) {
  return (
    <div class="editor" dir="ltr">
      <pre aria-hidden="true">{text.split("\n").map((line, i) => <Line key={i} text={line} bad={bad.has(i + 1)} />)}</pre>
      <textarea ref={area} class="code" value={text} aria-label={label} aria-describedby={about} aria-invalid={bad.size > 0 || undefined} spellcheck={false} autocomplete="off" autocapitalize="off" onInput={(e) => change(e.currentTarget.value)} />
    </div>
  );
}

/** A line is made anew only where it has changed: a long text stays quick to type in. */
function Line({ text, bad }: { text: string; bad: boolean }) {
  return useMemo(() => <div data-bad={bad || undefined}>{pieces(text).map((p, i) => <span key={i} data-is={p.kind}>{p.text}</span>)}{"\n"}</div>, [text, bad]);
}
