interface Props<T extends string> {
  name: string;
  label: string;
  all: readonly T[];
  now: T;
  word: (v: T) => string;
  choose: (v: T) => void;
}

/** A few things of which one is chosen: radio buttons that look like one bar. */
export function Choice<T extends string>({ name, label, all, now, word, choose }: Props<T>) {
  return (
    <fieldset class="segments">
      <legend class="hidden">{label}</legend>
      {all.map((v) => (
        <label key={v}><input class="hidden" type="radio" name={name} checked={v === now} onChange={() => choose(v)} />{word(v)}</label>
      ))}
    </fieldset>
  );
}
