/** Anomalies: their kinds in words, and what may be said of one. */

import { fetched, type Schemas } from "../api/ask";

export type Anomaly = Schemas["AnomalyTold"];
export type Word = Anomaly["feedback"];

const NAMES: Readonly<Record<Anomaly["kind"], string>> = {
  "new-edge": "new edge",
  scan: "scan",
  "fan-out": "fan-out",
  volume: "volume",
  failures: "failures",
  retransmissions: "sent again",
  silent: "silent",
  "dns-tunnel": "DNS tunnel",
  "off-hours": "off hours",
  exfiltration: "exfiltration",
};

/** `failures`, `DNS tunnel`. */
export function nameOf({ kind }: Pick<Anomaly, "kind">): string {
  return NAMES[kind];
}

/** Those that nobody said anything of yet, of the last day; the surest first. */
export function pressing(anomalies: readonly Anomaly[], now: number): readonly Anomaly[] {
  const day = 86_400_000;
  return anomalies
    .filter(({ feedback, until }) => feedback === "" && now - Date.parse(until) < day)
    .sort((one, other) => other.sure - one.sure);
}

/** Say that it is expected, or not; "" takes back what was said. For editors. */
export async function say(id: string, word: Word, why: string): Promise<unknown> {
  const address = `/api/v1/anomalies/${encodeURIComponent(id)}/feedback`;
  const headers = { "Content-Type": "application/json" };
  return (await fetched(address, { method: "POST", headers, body: JSON.stringify({ word, why }) })).json();
}
