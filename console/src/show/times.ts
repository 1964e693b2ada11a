/** Times: relative to read, absolute to be sure; local, or UTC where somebody asks for it. */

const STEPS: readonly (readonly [number, string])[] = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/** `3 min ago`, `in 2 h`, `now`. Both in milliseconds since 1970. */
export function ago(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1000);
  if (Math.abs(seconds) < 2) return "now";
  const text = span(Math.abs(seconds));
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** Seconds as the largest unit of which there are two or more, else the largest: `90 s`, `3 min`, `26 h`. */
export function span(seconds: number): string {
  for (const [size, name] of STEPS) {
    if (seconds >= 2 * size || (size === 1 && seconds >= 0)) return `${Math.floor(seconds / size)} ${name}`;
  }
  return "0 s";
}

/** `2026-11-23 04:12:09 UTC`, or the same in local time with its offset. */
export function absolute(at: number, utc: boolean): string {
  const moment = new Date(at);
  if (utc) return `${moment.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const offset = -moment.getTimezoneOffset();
  const local = new Date(at + offset * 60_000).toISOString().slice(0, 19).replace("T", " ");
  const sign = offset < 0 ? "-" : "+";
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  return `${local} ${sign}${pad(hours)}:${pad(minutes)}`;
}

/** `04:12:09`: the time of day alone. */
export function clock(at: number, utc: boolean): string {
  return absolute(at, utc).slice(11, 19);
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
