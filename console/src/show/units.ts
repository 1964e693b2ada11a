/** Numbers as people read them; what is not known is a dash, never zero. */

export const UNKNOWN = "–";

const BYTES = ["B", "kB", "MB", "GB", "TB", "PB"];
const COUNTS = ["", "k", "M", "G", "T"];

export interface Unit {
  readonly name: string;
  readonly size: number;
}

/** Bytes in decimal units: `4.1 GB`. */
export function bytes(value: number | null | undefined): string {
  return scaled(value, BYTES);
}

/** A count: `312`, `12.3 k`. */
export function count(value: number | null | undefined): string {
  if (value !== null && value !== undefined && Math.abs(value) < 10_000) return value.toLocaleString("en");
  return scaled(value, COUNTS);
}

/** One unit for a whole column, so that its figures can be compared by their width. */
export function unitFor(values: readonly number[]): Unit {
  const most = Math.max(0, ...values);
  const power = most < 10_000 ? 0 : Math.min(Math.floor(Math.log10(most / 10) / 3), BYTES.length - 1);
  return { name: BYTES[power] ?? "B", size: 1000 ** power };
}

/** A figure in a column's unit; what is not nothing is never shown as nothing. */
export function inUnit(value: number, unit: Unit): string {
  if (unit.size === 1 || value === 0) return value.toLocaleString("en");
  const scaledValue = value / unit.size;
  if (scaledValue < 0.1) return "<0.1";
  return scaledValue.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** A time that something took, in microseconds: `340 us`, `1.2 ms`. */
export function micros(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  if (value < 1000) return `${value} us`;
  if (value < 1_000_000) return `${round(value / 1000)} ms`;
  return `${round(value / 1_000_000)} s`;
}

/** A share of one as per cent; small shares keep a figure that tells them from none. */
export function share(value: number): string {
  if (value > 0 && value < 0.001) return "<0.1 %";
  return `${(value * 100).toLocaleString("en", { maximumFractionDigits: value < 0.1 ? 1 : 0 })} %`;
}

/** `1 edge`, `12 edges`. */
export function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}

function scaled(value: number | null | undefined, units: readonly string[]): string {
  if (value === null || value === undefined) return UNKNOWN;
  let power = 0;
  let rest = Math.abs(value);
  while (rest >= 999.5 && power < units.length - 1) {
    rest /= 1000;
    power += 1;
  }
  const figure = power === 0 ? rest.toLocaleString("en") : round(rest);
  return `${value < 0 ? "-" : ""}${figure} ${units[power] ?? ""}`.trim();
}

function round(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: value < 99.5 ? 1 : 0 });
}
