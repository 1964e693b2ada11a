/** The place that is shown now; the browser's history follows it, and it the history. */

import { changed, moved, placeOf, urlOf, type Changes, type Page, type Place } from "./place";

class Here {
  #place = $state.raw<Place>(placeOf("/", ""));

  /** Read the address bar, and go along with back and forward. */
  open(): void {
    const read = () => (this.#place = placeOf(location.pathname, location.search));
    read();
    addEventListener("popstate", read);
  }

  get page(): Page {
    return this.#place.page;
  }

  get place(): Place {
    return this.#place;
  }

  /** What the URL says for a key; "" where it says nothing. */
  told(key: string): string {
    return this.#place.told[key] ?? "";
  }

  /** Change what the page shows. `quietly` makes no entry in the history: for what is typed or dragged. */
  set(changes: Changes, quietly = false): void {
    this.#show(changed(this.#place, changes), quietly);
  }

  /** Go to another page; filter and time go along. */
  go(page: Page, changes: Changes = {}): void {
    this.#show(moved(this.#place, page, changes), false);
  }

  /** The URL of another page or of another state, for links. */
  link(page: Page, changes: Changes = {}): string {
    return urlOf(moved(this.#place, page, changes));
  }

  /** Go where a link of the console's own leads, without loading everything anew. */
  follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    // A new tab is the browser's own doing.
    const elsewhere =
      event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || event.defaultPrevented;
    if (!link || elsewhere || link.origin !== location.origin || link.hash || link.target || link.download)
      return;
    event.preventDefault();
    this.#show(placeOf(link.pathname, link.search), false);
  }

  #show(place: Place, quietly: boolean): void {
    const url = urlOf(place);
    if (url === urlOf(this.#place)) return;
    this.#place = place;
    if (quietly) history.replaceState(null, "", url);
    else history.pushState(null, "", url);
  }
}

export const here = new Here();
