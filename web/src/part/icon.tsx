// Line icons of 24 by 24. They only repeat what a word beside them says.
const paths = {
  now: "M12 3 20 6v6c0 5-3.3 7.8-8 9-4.7-1.2-8-4-8-9V6Z",
  history: "M12 7v5l3.5 2M4 12a8 8 0 1 0 2.6-5.9M4 4v4h4",
  tunnels: "M4 7h4c5 0 3 10 8 10h4m-3-3 3 3-3 3M4 17h4c1.5 0 2.4-.9 3-2m2-6c.6-1.1 1.5-2 3-2h4m-3-3 3 3-3 3",
  settings: "M4 7h9m4 0h3M4 17h3m4 0h9M15 5v4M9 15v4",
  help: "M9.5 9.5a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2 1-1.2 2M12 17h.010M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z",
  close: "m6 6 12 12M18 6 6 18",
};

type IconName = keyof typeof paths;

/** One of these icons, or one that a view brings along; see sign.ts. */
export function Icon({ name, path }: { name?: IconName; path?: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={path ?? paths[name!]} />
    </svg>
  );
}
