/** What could be written where the cursor stands in a filter. */

import { FIELDS, VERDICTS } from "./language";

export interface Spot {
  /** The part of the text that a completion replaces. */
  readonly from: number;
  readonly to: number;
  /** What stands there up to the cursor. */
  readonly part: string;
  /** The field whose value is being written; "" where a field is. */
  readonly field: string;
  /** Of the field, up to the value: `src.namespace=`. */
  readonly operator: string;
}

const MOST = 12;
const FIXED: Readonly<Record<string, readonly string[]>> = {
  verdict: VERDICTS,
  proto: ["TCP", "UDP", "ICMP", "ICMPv6", "SCTP"],
  kind: ["pod", "node", "service", "cloud", "external", "unknown"],
  category: ["intra-zone", "inter-zone", "node", "cloud service", "external", "unknown"],
  reporter: ["client", "server"],
};
/** Fields of an end that the hub knows values of. */
const NAMED = ["namespace", "workload", "name", "node", "zone"];

/** The word at the cursor; a list's last value is a word of its own. */
export function spotAt(text: string, cursor: number): Spot {
  const from = startOf(text, cursor);
  const end = /^[^\s()]*/.exec(text.slice(cursor))?.[0].length ?? 0;
  const word = text.slice(from, cursor);
  const found = /^([A-Za-z.]+)(<=|>=|!=|=|<|>)(.*)$/.exec(word);
  if (!found) return { from, to: cursor + end, part: word, field: "", operator: "" };
  const value = found[3] ?? "";
  const last = value.lastIndexOf(",") + 1;
  const start = from + word.length - value.length + last;
  const part = value.slice(last).replace(/^"/, "");
  return {
    from: start,
    to: cursor + end,
    part,
    field: (found[1] ?? "").toLowerCase(),
    operator: found[2] ?? "",
  };
}

/** Values of a field that everybody knows; null where the hub has to be asked, or nobody knows. */
export function fixedValues(field: string): readonly string[] | null {
  return FIXED[bare(field)] ?? null;
}

/** Which part of an end a field is about, if the hub can say its values. */
export function namedPart(field: string): string | null {
  const part = bare(field);
  return NAMED.includes(part) ? part : null;
}

/** What is offered: for a field its name, those that begin so first. */
export function offered(part: string, words: readonly string[]): readonly string[] {
  const wanted = part.toLowerCase();
  const starting = words.filter((word) => word.toLowerCase().startsWith(wanted) && word !== part);
  const within = words.filter(
    (word) => !starting.includes(word) && word.toLowerCase().includes(wanted) && word !== part,
  );
  return [...starting, ...within].slice(0, MOST);
}

/** Every field, as it is offered. */
export function fields(): readonly string[] {
  return [...Object.keys(FIELDS), "since", "until"].map((name) => `${name}=`);
}

/** The text with a word put where the spot is, and where the cursor then stands. */
export function completed(text: string, spot: Spot, word: string): { text: string; cursor: number } {
  const quoted = spot.field && /[\s(),"]/.test(word) ? `"${word}"` : word;
  const after = spot.field ? " " : "";
  const rest = text.slice(spot.to);
  const made = `${text.slice(0, spot.from)}${quoted}${rest.startsWith(" ") ? "" : after}${rest}`;
  return { text: made, cursor: spot.from + quoted.length + after.length };
}

/** Where a refusal of the hub points at, counted from 0; null if nowhere. */
export function placeIn(detail: string): number | null {
  const found = /at character (\d+)/.exec(detail);
  return found ? Number(found[1]) - 1 : null;
}

function startOf(text: string, cursor: number): number {
  let from = cursor;
  let quoted = (text.slice(0, cursor).match(/"/g)?.length ?? 0) % 2 === 1;
  for (; from > 0; from -= 1) {
    const before = text.charAt(from - 1);
    if (before === '"') quoted = !quoted;
    else if (!quoted && /[\s()]/.test(before)) break;
  }
  return from;
}

function bare(field: string): string {
  return field.replace(/^(src|dst)\./, "");
}
