/** What an edge's colour and sign can mean. Colour is never the only sign. */

import type { MapEdge, MetricKey } from "./metrics";

export const TONES = [
  "plain",
  "allowed",
  "unknown",
  "unprotected",
  "crossing",
  "strained",
  "would-deny",
  "failing",
  "denied",
] as const;
/** From the least urgent to the most: who is drawn later lies on top. */
export type Tone = (typeof TONES)[number];

export interface Sign {
  readonly words: string;
  /** A custom property of tokens.css. */
  readonly colour: string;
  readonly dashes: readonly number[];
  readonly double: boolean;
  readonly crossed: boolean;
  readonly thin: boolean;
}

const SIGN: Sign = {
  words: "",
  colour: "--edge",
  dashes: [],
  double: false,
  crossed: false,
  thin: false,
};

export const SIGNS: Readonly<Record<Tone, Sign>> = {
  plain: { ...SIGN, words: "traffic" },
  allowed: { ...SIGN, words: "allowed by a rule", colour: "--allowed" },
  unknown: { ...SIGN, words: "not known", colour: "--edge", dashes: [1, 4], thin: true },
  unprotected: { ...SIGN, words: "unprotected", colour: "--unprotected", thin: true },
  crossing: { ...SIGN, words: "between zones", colour: "--crossing", double: true },
  strained: { ...SIGN, words: "sends again", colour: "--would-deny", dashes: [6, 4] },
  "would-deny": { ...SIGN, words: "would be denied", colour: "--would-deny", dashes: [6, 4] },
  failing: { ...SIGN, words: "connections fail", colour: "--denied", crossed: true },
  denied: { ...SIGN, words: "denied", colour: "--denied", crossed: true },
};

export interface Layer {
  readonly name: string;
  readonly metric: MetricKey;
  readonly tones: readonly Tone[];
  readonly of: (edge: MapEdge) => Tone;
}

/** Shares from which on an edge is called strained or failing. */
export const RETRANSMITTED = 0.01;
export const FAILED = 0.05;

export const LAYERS = {
  traffic: { name: "Traffic", metric: "bytes", tones: ["plain"], of: () => "plain" },
  health: { name: "Health", metric: "bytes", tones: ["plain", "strained", "failing"], of: health },
  policy: {
    name: "Policy",
    metric: "connections",
    tones: ["allowed", "unprotected", "would-deny", "denied", "unknown"],
    of: (edge) => edge.standing,
  },
  zones: {
    name: "Zones",
    metric: "cross_zone",
    tones: ["plain", "crossing"],
    of: (edge) => (edge.cross_zone_bytes > 0 ? "crossing" : "plain"),
  },
} satisfies Record<string, Layer>;

export type LayerKey = keyof typeof LAYERS;

/** A layer by the word in the URL; traffic for any other. */
export function layerOf(word: string): LayerKey {
  return Object.hasOwn(LAYERS, word) ? (word as LayerKey) : "traffic";
}

function health(edge: MapEdge): Tone {
  const lost = edge.failed + edge.severed;
  if (lost > 0 && lost >= FAILED * Math.max(edge.connections, 1)) return "failing";
  const again = edge.retransmissions + edge.timeouts;
  const packets = edge.sent_packets + edge.received_packets;
  return again > 0 && again >= RETRANSMITTED * packets ? "strained" : "plain";
}
