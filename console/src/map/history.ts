/** Points of a series as a chart takes them; where nothing was told there is nothing, not zero. */

import type { Schemas } from "../api/ask";

export type Series = Schemas["Series"];

export interface History {
  /** Seconds since 1970, one for every step of the time. */
  readonly times: readonly number[];
  readonly sums: readonly (Schemas["Sums"] | null)[];
  /** Seconds. */
  readonly step: number;
}

export function historyOf(series: Series): History {
  const { step } = series;
  const told = new Map(
    (series.lines[0]?.points ?? []).map((point) => [Math.floor(Date.parse(point.time) / 1000), point.sums]),
  );
  const first = Math.floor(Date.parse(series.since) / 1000 / step) * step;
  const last = Math.floor(Date.parse(series.until) / 1000);
  const times: number[] = [];
  for (let at = first; at <= last; at += step) times.push(at);
  return { times, sums: times.map((at) => told.get(at) ?? null), step };
}

/** One reading a second; null where nothing was told. */
export function perSecond(history: History, read: (sums: Schemas["Sums"]) => number): (number | null)[] {
  return history.sums.map((sums) => (sums ? read(sums) / history.step : null));
}
