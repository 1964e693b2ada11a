/** What moved between zones, as a matrix and as money. */

import type { Schemas } from "../api/ask";

export type Groups = Schemas["Groups"];

/** What providers bill as a GB. */
const GB = 2 ** 30;

export interface Cell {
  readonly bytes: number;
  readonly connections: number;
  readonly retransmissions: number;
}

export interface Matrix {
  /** Zones, the one that is not known (or outside) last, as "". */
  readonly zones: readonly string[];
  readonly cells: ReadonlyMap<string, Cell>;
  readonly most: number;
  readonly total: number;
  readonly crossing: number;
}

export function keyOf(from: string, to: string): string {
  return `${from}\u0000${to}`;
}

/** Bytes by the zone of the client and of the server, both directions of each together. */
export function matrixOf(answer: Groups): Matrix {
  const cells = new Map<string, Cell>();
  const zones = new Set<string>();
  let [total, crossing] = [0, 0];
  for (const { key, sums } of answer.groups) {
    const [from, to] = [String(key["client_zone"] ?? ""), String(key["server_zone"] ?? "")];
    zones.add(from).add(to);
    const bytes = sums.sent_bytes + sums.received_bytes;
    const old = cells.get(keyOf(from, to)) ?? { bytes: 0, connections: 0, retransmissions: 0 };
    cells.set(keyOf(from, to), {
      bytes: old.bytes + bytes,
      connections: old.connections + sums.connections,
      retransmissions: old.retransmissions + sums.retransmissions,
    });
    total += bytes;
    if (isCrossing(from, to)) crossing += bytes;
  }
  const known = [...zones].filter(Boolean).sort();
  const most = Math.max(1, ...[...cells.values()].map((cell) => cell.bytes));
  return { zones: zones.has("") ? [...known, ""] : known, cells, most, total, crossing };
}

export function isCrossing(from: string, to: string): boolean {
  return from !== "" && to !== "" && from !== to;
}

/** Dollars for bytes at a price per GB. */
export function dollars(bytes: number, price: number): number {
  return (bytes / GB) * price;
}

/** `$0.42`, `$0.00012`: a little is not nothing. */
export function money(amount: number): string {
  const small = amount > 0 && amount < 0.01;
  const figures = small ? { maximumSignificantDigits: 2 } : {};
  return amount.toLocaleString("en", { style: "currency", currency: "USD", ...figures });
}

/** How a share of the most is shaded, 0 to 1: the square root, so that little ones can be seen. */
export function shade(bytes: number, most: number): number {
  return bytes ? Math.max(0.06, Math.sqrt(bytes / most)) : 0;
}
