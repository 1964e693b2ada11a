/** Points of a series as a chart takes them; where nothing was told there is nothing, not zero. */

import type { Schemas } from "../api/ask";

export type Series = Schemas["Series"];

/** Moments in seconds since 1970, then for each reading one list; a point for every step of the time. */
export function pointsOf(
  series: Series,
  readings: readonly ((sums: Schemas["Sums"], step: number) => number)[],
): readonly (readonly (number | null)[])[] {
  const step = series.step;
  const told = new Map(
    (series.lines[0]?.points ?? []).map((point) => [Math.floor(Date.parse(point.time) / 1000), point.sums]),
  );
  const first = Math.floor(Date.parse(series.since) / 1000 / step) * step;
  const last = Math.floor(Date.parse(series.until) / 1000);
  const moments: number[] = [];
  for (let at = first; at <= last; at += step) moments.push(at);
  return [
    moments,
    ...readings.map((read) =>
      moments.map((at) => {
        const sums = told.get(at);
        return sums ? read(sums, step) : null;
      }),
    ),
  ];
}
