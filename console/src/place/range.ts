/** Time ranges: what `since` and `until` in the URL mean, and the steps forward and back. */

/** Ranges to choose from, as the hub reads them. */
export const RANGES = ["5m", "15m", "1h", "6h", "24h", "7d", "30d"] as const;
export const USUAL = "1h";

/** Milliseconds: who stepped back and forth again means now, not a minute ago. */
const NEARLY = 60_000;

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400, w: 7 * 86400 };
const NAMES: Record<string, string> = { s: "s", m: "min", h: "h", d: "d", w: "weeks" };

export type Range = Readonly<Record<"since" | "until", string>>;

/** Seconds of a duration such as `90s` or `7d`; null if it is none. */
export function secondsOf(text: string): number | null {
  const found = /^(\d{1,9})([smhdw])$/.exec(text);
  return found ? Number(found[1]) * (UNITS[found[2] ?? ""] ?? 0) : null;
}

/** A moment in milliseconds since 1970: an ISO time, or a duration before `now`; null if it is neither. */
export function momentOf(text: string, now: number): number | null {
  const ago = secondsOf(text);
  if (ago !== null) return now - ago * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}

/** `last 1 h`; a fixed range has no short name. */
export function nameOf(since: string): string | null {
  const found = /^(\d{1,9})([smhdw])$/.exec(since);
  return found ? `last ${found[1]} ${NAMES[found[2] ?? ""]}` : null;
}

/** The range one length earlier (-1) or later (1); later than now is "until now" again. */
export function stepped(range: Range, steps: number, now: number): Range {
  const until = range.until ? (momentOf(range.until, now) ?? now) : now;
  const since = momentOf(range.since || USUAL, now) ?? until - 3_600_000;
  const length = Math.max(until - since, 1000);
  const end = until + steps * length;
  if (end >= now - NEARLY) {
    const since = durationOf(length);
    return { since: since === USUAL ? "" : since, until: "" };
  }
  return { since: minute(end - length), until: minute(end) };
}

/** The shortest way to say a length in milliseconds, in whole seconds. */
export function durationOf(length: number): string {
  const seconds = Math.round(length / 1000);
  for (const [unit, size] of Object.entries(UNITS).reverse()) {
    if (unit !== "w" && seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}

function minute(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
