import { signal } from "@preact/signals";

/** The first run has begun and is not over, though there may be tunnels by now. */
export const welcoming = signal(false);
