/** Flows that come in while somebody looks: in front of those that were asked for. */

import type { Rows } from "../parts/grid";
import type { Flow, FlowPages } from "./pages.svelte";

/** The most that are kept; who wants more asks again. */
const MOST = 5000;

export class Followed implements Rows<Flow> {
  /** Newest first. */
  #shown = $state.raw<readonly Flow[]>([]);
  /** Came while somebody reads further down: they would push the rows away. */
  #waiting = $state.raw<readonly Flow[]>([]);
  /** Flows that the hub did not tell one by one, because too many came at once. */
  skipped = $state(0);

  constructor(private readonly pages: FlowPages) {}

  get length(): number {
    return this.#shown.length + this.pages.length;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  at(index: number): Flow | undefined {
    const fresh = this.#shown.length;
    return index < fresh ? this.#shown[index] : this.pages.at(index - fresh);
  }

  need(first: number, last: number): void {
    const fresh = this.#shown.length;
    this.pages.need(Math.max(0, first - fresh), Math.max(0, last - fresh));
  }

  /** Take what came, oldest first. `now` puts it into the table at once. */
  take(flows: readonly Flow[], now: boolean): void {
    this.#waiting = [...[...flows].reverse(), ...this.#waiting].slice(0, MOST);
    if (now) this.show();
  }

  /** Put what waits into the table. */
  show(): void {
    if (this.#waiting.length === 0) return;
    this.#shown = [...this.#waiting, ...this.#shown].slice(0, MOST);
    this.#waiting = [];
  }
}
