const asked = new Map<string, Promise<void>>();

/** Loads the style sheet of a view, once; see style/later. Where that fails, the view is there without it. */
export function sheet(name: string): Promise<void> {
  let there = asked.get(name);
  if (!there) {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/assets/${name}.css` });
    asked.set(name, (there = new Promise((done) => (link.onload = link.onerror = () => done()))));
    document.head.append(link);
  }
  return there;
}
