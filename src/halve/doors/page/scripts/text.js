// Numbers and times as people read them.

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** As the server says it in sheets, mails and on the command line (core/sizes.py). */
export function weight(count) {
  if (count === 1) return "1\u00a0byte";
  let [size, unit] = [count, 0];
  while (size >= 999.5 && unit < UNITS.length - 1) [size, unit] = [size / 1000, unit + 1];
  const tenths = unit && size < 99.95 ? size.toFixed(1).replace(".0", "") : size.toFixed(0);
  return `${tenths}\u00a0${UNITS[unit]}`;
}

export const number = (value) => value.toLocaleString("en");

export const counted = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

/** How much lighter, in whole per cent; never rounded up to what was not reached, nor less than nothing. */
export const lighter = (before, after) => (before > 0 ? Math.max(0, Math.floor((100 * (before - after)) / before)) : 0);

export function ago(moment) {
  const seconds = (Date.now() - new Date(moment).getTime()) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(moment).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

export function lasted(from, to) {
  const seconds = Math.max(0, (new Date(to) - new Date(from)) / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
