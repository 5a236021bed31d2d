// Numbers and times as people read them.

const bytes = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];

export function weight(count) {
  for (const [unit, name] of bytes) {
    if (count >= unit) {
      const value = count / unit;
      return `${value >= 100 ? Math.round(value) : value.toPrecision(value >= 10 ? 3 : 2)}\u00a0${name}`;
    }
  }
  return `${count}\u00a0bytes`;
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
