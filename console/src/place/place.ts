/** Where in the console somebody is: the page, and all that a link must say for a colleague to see the same. */

export const PAGES = [
  "overview",
  "map",
  "flows",
  "policies",
  "rollouts",
  "zones",
  "agents",
  "anomalies",
  "investigate",
] as const;
export type Page = (typeof PAGES)[number];

export interface Place {
  readonly page: Page;
  /** What the URL's query says; without a value there is no key. */
  readonly told: Readonly<Record<string, string>>;
}

/** What goes along from page to page; everything else belongs to one page. */
const SHARED = ["since", "until", "q", "live", "utc", "theme"];

export type Changes = Readonly<Record<string, string | null | undefined>>;

/** The place that a URL means; an unknown path is the overview. */
export function placeOf(path: string, query: string): Place {
  const name = path.replace(/^\/+|\/+$/g, "");
  const page = PAGES.find((known) => known === name) ?? "overview";
  const told: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    if (value) told[key] = value;
  }
  return { page, told };
}

/** The URL of a place, the keys in a fixed order: the same place has the same URL. */
export function urlOf(place: Place): string {
  const query = new URLSearchParams();
  for (const key of Object.keys(place.told).sort(
    (one, other) => rank(one) - rank(other) || (one < other ? -1 : 1),
  )) {
    query.set(key, place.told[key] ?? "");
  }
  // What a filter is made of stays readable in the address bar.
  const text = query
    .toString()
    .replace(/%3D/g, "=")
    .replace(/%2F/g, "/")
    .replace(/%3A/g, ":")
    .replace(/%2C/g, ",");
  return `${place.page === "overview" ? "/" : `/${place.page}`}${text ? `?${text}` : ""}`;
}

/** The same page with other words; null, undefined and "" take one away. */
export function changed(place: Place, changes: Changes): Place {
  const kept = Object.entries(place.told).filter(([key]) => !(key in changes));
  const given = Object.entries(changes).flatMap(([key, value]) => (value ? [[key, value] as const] : []));
  return { page: place.page, told: Object.fromEntries([...kept, ...given]) };
}

/** Another page, with what goes along. */
export function moved(place: Place, page: Page, changes: Changes = {}): Place {
  const shared = Object.entries(place.told).filter(([key]) => page === place.page || SHARED.includes(key));
  return changed({ page, told: Object.fromEntries(shared) }, changes);
}

function rank(key: string): number {
  const at = SHARED.indexOf(key);
  return at < 0 ? SHARED.length : at;
}
