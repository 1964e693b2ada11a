/** Flows by number, out of the hub's cursor pages. Pages that nobody looks at are given back and fetched again. */

import type { Schemas } from "../api/ask";
import type { Rows } from "../parts/grid";

export type Flow = Schemas["Flow"];
export type Fetch = (cursor: string, signal: AbortSignal) => Promise<{ flows: Flow[]; next?: string | null }>;

export const PAGE = 500;
/** Pages kept at a time: some ten thousand rows. */
const KEPT = 24;

export class FlowPages implements Rows<Flow> {
  /** Rows that are known to be, of all pages reached so far. */
  length = $state(0);
  /** Whether there are more beyond them. */
  more = $state(true);
  /** What went wrong with the last page, and is to be thrown by nobody. */
  problem = $state.raw<unknown>();
  /** Counts changes of `#pages`, which is too large to be watched. */
  #turn = $state(0);
  #cursors: string[] = [""];
  #pages = new Map<number, Flow[]>();
  #asked = new Set<number>();
  #stop = new AbortController();

  constructor(private readonly fetch: Fetch) {}

  at(index: number): Flow | undefined {
    void this.#turn;
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  need(first: number, last: number): void {
    // The page after what is seen is on its way before anybody gets there.
    for (let page = Math.floor(first / PAGE); page <= Math.floor((last + PAGE / 2) / PAGE); page += 1) {
      void this.#load(page);
    }
  }

  /** The first page: the question's answer. */
  async start(): Promise<void> {
    await this.#load(0, true);
  }

  /** Give up what is on its way. */
  close(): void {
    this.#stop.abort();
  }

  async #load(page: number, first = false): Promise<void> {
    const cursor = this.#cursors[page];
    if (cursor === undefined || this.#pages.has(page) || this.#asked.has(page)) return;
    this.#asked.add(page);
    try {
      const answer = await this.fetch(cursor, this.#stop.signal);
      this.#keep(page, answer.flows, answer.next ?? null);
      this.problem = undefined;
    } catch (error) {
      if (first) throw error;
      if (!this.#stop.signal.aborted) this.problem = error;
    } finally {
      this.#asked.delete(page);
    }
  }

  #keep(page: number, flows: Flow[], next: string | null): void {
    this.#pages.delete(page);
    this.#pages.set(page, flows);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= KEPT) break;
      this.#pages.delete(oldest);
    }
    if (next !== null) this.#cursors[page + 1] = next;
    else this.more = false;
    this.length = Math.max(this.length, page * PAGE + flows.length);
    this.#turn += 1;
  }
}
