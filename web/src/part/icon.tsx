// Line icons of 24 by 24. They only repeat what a word beside them says.
const paths = {
  now: "M12 3 20 6v6c0 5-3.3 7.8-8 9-4.7-1.2-8-4-8-9V6Z",
  history: "M12 7v5l3.5 2M4 12a8 8 0 1 0 2.6-5.9M4 4v4h4",
  tunnels: "M4 7h4c5 0 3 10 8 10h4m-3-3 3 3-3 3M4 17h4c1.5 0 2.4-.9 3-2m2-6c.6-1.1 1.5-2 3-2h4m-3-3 3 3-3 3",
  settings: "M4 7h9m4 0h3M4 17h3m4 0h9M15 5v4M9 15v4",
  help: "M9.5 9.5a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2 1-1.2 2M12 17h.010M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  down: "M12 5v14m-6-6 6 6 6-6",
  up: "M12 19V5m-6 6 6-6 6 6",
  close: "m6 6 12 12M18 6 6 18",
  ok: "m5 12.5 4.5 4.5L19 7.5",
  none: "M6 12h12",
  wait: "M6 12h.010M12 12h.010M18 12h.010",
  drag: "M9 6h.010M15 6h.010M9 12h.010M15 12h.010M9 18h.010M15 18h.010",
};

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
