// Icons as those of icon.tsx, of views that are loaded later.
export const sign = {
  down: "M12 5v14m-6-6 6 6 6-6",
  up: "M12 19V5m-6 6 6-6 6 6",
  ok: "m5 12.5 4.5 4.5L19 7.5",
  cross: "m6 6 12 12M18 6 6 18",
  none: "M6 12h12",
  wait: "M6 12h.010M12 12h.010M18 12h.010",
  drag: "M9 6h.010M15 6h.010M9 12h.010M15 12h.010M9 18h.010M15 18h.010",
};
