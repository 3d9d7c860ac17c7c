import { computed, effect } from "@preact/signals";
import { render } from "preact";
import { keepData } from "./data";
import { about, follow, greet, prefs } from "./live";
import { openSession, showLocked } from "./session";
import { Shell } from "./shell";
import { speak } from "./words";

/** Opens the page for a person who has a session; anyone else is told how to get one. */
async function start() {
  if (!(await openSession())) return showLocked();
  try {
    await greet();
  } catch {
    return; // a session that is over has shown so by itself
  }
  await speak(prefs.value!.language, about.value!.languages);
  const language = computed(() => prefs.value!.language);
  effect(() => void speak(language.value, about.value!.languages));
  effect(() => {
    const theme = prefs.value!.theme;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  });
  follow();
  keepData();
  render(<Shell />, document.getElementById("app")!);
}

void start();
