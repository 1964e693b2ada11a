/** What moved between zones, as a matrix; and the times and prices that it is held against. */

import type { Schemas } from "../api/ask";
import { momentOf } from "../place/range";

export type Zones = Schemas["Zones"];

export interface Cell {
  readonly bytes: number;
  readonly connections: number;
  readonly retransmissions: number;
  /** In the price table's currency; null where no price fits. */
  readonly cost: number | null;
  /** Bytes of the time it is compared with, as if that had been as long. */
  readonly before: number | undefined;
}

export interface Matrix {
  /** Zones, the one that is not known (or outside) last, as "". */
  readonly zones: readonly string[];
  readonly cells: ReadonlyMap<string, Cell>;
  readonly most: number;
}

const NOTHING = { bytes: 0, connections: 0, retransmissions: 0 };

export function keyOf(from: string, to: string): string {
  return `${from}\u0000${to}`;
}

/** Bytes by the zone of the client and of the server, both directions of each together. */
export function matrixOf(answer: Pick<Zones, "groups" | "now" | "changes">): Matrix {
  const costs = new Map(
    answer.now.zones.map((one) => [keyOf(one.client_zone, one.server_zone), one.cost ?? null]),
  );
  const before = new Map(
    answer.changes?.map((one) => [keyOf(one.client_zone, one.server_zone), one.bytes_before]),
  );
  const cells = new Map<string, Cell>();
  const zones = new Set<string>();
  for (const { key, sums } of answer.groups) {
    const [from, to] = [String(key["client_zone"] ?? ""), String(key["server_zone"] ?? "")];
    const at = keyOf(from, to);
    zones.add(from).add(to);
    const held = cells.get(at) ?? { ...NOTHING, cost: costs.get(at) ?? null, before: before.get(at) };
    cells.set(at, {
      ...held,
      bytes: held.bytes + sums.sent_bytes + sums.received_bytes,
      connections: held.connections + sums.connections,
      retransmissions: held.retransmissions + sums.retransmissions,
    });
  }
  const known = [...zones].filter(Boolean).sort();
  const most = Math.max(1, ...[...cells.values()].map((cell) => cell.bytes));
  return { zones: zones.has("") ? [...known, ""] : known, cells, most };
}

export function isCrossing(from: string, to: string): boolean {
  return from !== "" && to !== "" && from !== to;
}

/** How a share of the most is shaded, 0 to 1: the square root, so that little ones can be seen. */
export function shade(bytes: number, most: number): number {
  return bytes ? Math.max(0.06, Math.sqrt(bytes / most)) : 0;
}

/** The time to compare with, as the hub is asked for it: as long before (`1`), so long ago (`7d`), or from one time to
 * another (`A/B`); nothing for none. `now` in milliseconds since 1970. */
export function earlier(
  compare: string,
  asked: { since: string; until: string },
  now: number,
): { before?: string; before_until?: string } {
  const since = momentOf(asked.since, now);
  const until = asked.until ? momentOf(asked.until, now) : now;
  if (!compare || since === null || until === null) return {};
  const [from = "", to = ""] = compare.split("/");
  if (compare.includes("/")) {
    const [begin, end] = [Date.parse(from), Date.parse(to)];
    return begin < end ? rangeOf(begin, end) : {};
  }
  const back = compare === "1" ? until - since : now - (momentOf(compare, now) ?? now);
  return back > 0 ? rangeOf(since - back, until - back) : {};
}

function rangeOf(begin: number, end: number): { before: string; before_until: string } {
  return { before: new Date(begin).toISOString(), before_until: new Date(end).toISOString() };
}

/** Where a price holds, in words. */
export function placeOf(price: Schemas["Price"]): string {
  if (price.zones) return price.zones.join(" and ");
  const where = [PROVIDERS[price.provider ?? ""] ?? price.provider, price.region].filter(Boolean).join(" ");
  const to = price.to_region ? ` to ${price.to_region}` : "";
  return [where + to, SCOPES[price.scope ?? ""]].filter(Boolean).join(", ") || "everywhere";
}

const PROVIDERS: Readonly<Record<string, string>> = { aws: "AWS", gcp: "Google", azure: "Azure" };

const SCOPES: Readonly<Record<string, string>> = {
  "intra-zone": "within a zone",
  "inter-zone": "between zones",
  "inter-region": "between regions",
};
