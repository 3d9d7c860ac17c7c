import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

/** A part of the page that is loaded when it is first shown. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  const part = signal<ComponentType<P> | null>(null);
  return function Later(p: P) {
    useEffect(() => {
      if (!part.value) void load().then((x) => (part.value = x));
    }, []);
    const Part = part.value;
    return Part ? <Part {...p} /> : null;
  };
}
