/** Light or dark, and how wide the panel is: a link may say the first, this browser remembers both. */

import { here } from "./here.svelte";

export type Theme = "light" | "dark";

const NARROWEST = 280;
const WIDEST = 720;
const USUAL_WIDTH = 360;
const dark = matchMedia("(prefers-color-scheme: dark)");

class Look {
  #remembered = $state(localStorage.getItem("fairway-theme") ?? "");
  #system = $state(dark.matches);
  #width = $state(bounded(Number(localStorage.getItem("fairway-panel")) || USUAL_WIDTH));

  constructor() {
    dark.addEventListener("change", (event) => (this.#system = event.matches));
  }

  get theme(): Theme {
    const told = here.told("theme") || this.#remembered;
    if (told === "light" || told === "dark") return told;
    return this.#system ? "dark" : "light";
  }

  set theme(theme: Theme) {
    this.#remembered = theme;
    localStorage.setItem("fairway-theme", theme);
    here.set({ theme }, true);
  }

  /** Of the right panel, in pixels. */
  get width(): number {
    return this.#width;
  }

  set width(pixels: number) {
    this.#width = bounded(pixels);
    localStorage.setItem("fairway-panel", String(this.#width));
  }
}

function bounded(pixels: number): number {
  return Math.round(Math.min(WIDEST, Math.max(NARROWEST, pixels)));
}

export const look = new Look();
