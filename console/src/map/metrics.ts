/** What an edge's width can mean. */

import type { Schemas } from "../api/ask";
import { bytes, count, micros, UNKNOWN } from "../show/units";

export type MapEdge = Schemas["MapEdge"];

export interface Metric {
  readonly name: string;
  /** Null where nothing is known. */
  readonly of: (edge: MapEdge) => number | null;
  readonly text: (value: number | null, currency: string) => string;
}

const number = (value: number | null): string => count(value);

export const METRICS = {
  bytes: { name: "Bytes", of: (edge) => edge.sent_bytes + edge.received_bytes, text: bytes },
  packets: { name: "Packets", of: (edge) => edge.sent_packets + edge.received_packets, text: number },
  connections: { name: "Connections", of: (edge) => edge.connections, text: number },
  retransmissions: { name: "Retransmissions", of: (edge) => edge.retransmissions, text: number },
  timeouts: { name: "Timeouts (RTO)", of: (edge) => edge.timeouts, text: number },
  rtt: { name: "Round trip", of: (edge) => edge.rtt_us ?? null, text: micros },
  failed: { name: "Failed", of: (edge) => edge.failed, text: number },
  denied: { name: "Denied", of: (edge) => edge.denied, text: number },
  would_deny: { name: "Would be denied", of: (edge) => edge.would_deny, text: number },
  cross_zone: { name: "Bytes between zones", of: (edge) => edge.cross_zone_bytes, text: bytes },
  cost: { name: "Cost", of: (edge) => (unpriced(edge) ? null : edge.cost), text: money },
} satisfies Record<string, Metric>;

export type MetricKey = keyof typeof METRICS;

/** A metric by the word in the URL; null for none. */
export function metricOf(word: string): MetricKey | null {
  return Object.hasOwn(METRICS, word) ? (word as MetricKey) : null;
}

/** Whether bytes went between zones and no price fits any of them. */
export function unpriced(edge: MapEdge): boolean {
  return edge.cross_zone_bytes > 0 && edge.unpriced_bytes === edge.cross_zone_bytes;
}

/** `0.042 USD`; what is not nothing is never shown as nothing. */
export function money(value: number | null, currency: string): string {
  if (value === null) return UNKNOWN;
  if (value > 0 && value < 0.0001) return `<0.0001 ${currency}`;
  const digits = value === 0 || value >= 100 ? 0 : value >= 1 ? 2 : 4;
  return `${value.toLocaleString("en", { maximumFractionDigits: digits })} ${currency}`;
}
