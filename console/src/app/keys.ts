/** Keys that work everywhere, but not while somebody writes. */

import { asked } from "../place/asked.svelte";
import { here } from "../place/here.svelte";
import { stepped } from "../place/range";
import { ENTRIES } from "./pages";

export const KEYS: readonly (readonly [string, string])[] = [
  ["1 – 9", "go to a page"],
  ["f or /", "write the filter"],
  ["l", "live, or not"],
  ["[ and ]", "earlier, later"],
  ["Up, Down", "go through rows"],
  ["Enter", "pick what is chosen"],
  ["Esc", "back: what is picked, then the filter's field"],
  ["t", "light or dark"],
  ["u", "times in UTC, or local"],
  ["?", "these keys"],
];

const SIMPLE: Record<string, () => void> = {
  l: () => here.set({ live: asked.live ? null : "1" }),
  u: () => here.set({ utc: asked.utc ? null : "1" }, true),
  "[": () => step(-1),
  "]": () => step(1),
  f: () => document.getElementById("filter")?.focus(),
  "/": () => document.getElementById("filter")?.focus(),
  t: () => document.getElementById("theme")?.click(),
  Escape: () => here.set({ pick: null }),
};

/** Do what a key is for. `list` shows the keys. */
export function pressed(event: KeyboardEvent, list: () => void): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || writing(event.target))
    return;
  const entry = ENTRIES[Number(event.key) - 1];
  const does = event.key === "?" ? list : entry ? () => here.go(entry.page) : SIMPLE[event.key];
  if (!does) return;
  does();
  event.preventDefault();
}

function step(by: number): void {
  here.set(stepped({ since: asked.since, until: asked.until }, by, Date.now()));
}

function writing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
