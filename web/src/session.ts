// The session is a bearer token in sessionStorage: unlike a cookie it is not sent
// to other servers on this computer, whose pages cannot read it either.

const key = "holdfast-session";

let token = "";

/** Finds the token: in the page that answered the code, kept from before, or for the code in the address. */
export async function openSession(): Promise<boolean> {
  const given = document.querySelector<HTMLMetaElement>('meta[name="holdfast-session"]')?.content;
  const code = /^#c=([\w-]+)$/.exec(location.hash)?.[1];
  if (given) {
    keep(given);
    history.replaceState(null, "", "/" + location.hash);
  } else if (code) {
    history.replaceState(null, "", "/");
    const reply = await fetch("/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code }),
    }).catch(() => null);
    if (reply?.ok) keep((await reply.json()).token);
  } else {
    token = sessionStorage.getItem(key) ?? "";
  }
  return token !== "";
}

function keep(t: string) {
  token = t;
  sessionStorage.setItem(key, t);
}

/** The headers that every request of a session carries. */
export function bearer(): Record<string, string> {
  return { Authorization: "Bearer " + token };
}

/** Forgets the session and shows how to open the page anew. */
export function lock() {
  token = "";
  sessionStorage.removeItem(key);
  showLocked();
}

/** Shows the static part that says how to open the page, and nothing else. */
export function showLocked() {
  document.getElementById("app")!.remove();
  document.getElementById("locked")!.hidden = false;
}
