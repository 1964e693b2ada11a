/** The time and the filter that all pages share, as the hub is asked for them. */

import { here } from "./here.svelte";
import { narrowed } from "./narrow";
import { USUAL } from "./range";

class Asked {
  readonly q = $derived(here.told("q"));
  readonly since = $derived(here.told("since") || USUAL);
  readonly until = $derived(here.told("until"));
  readonly live = $derived(here.told("live") === "1");
  readonly utc = $derived(here.told("utc") === "1");
  /** Of questions that take a filter. */
  readonly query = $derived({ q: this.q, since: this.since, until: this.until });

  /** Put a term into the filter, in the place of one of the same field. */
  narrow(field: string, value: string): void {
    here.set({ q: narrowed(this.q, field, value) });
  }
}

export const asked = new Asked();
