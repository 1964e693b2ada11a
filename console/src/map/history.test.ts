import { expect, it } from "vitest";

import { historyOf, perSecond, type Series } from "./history";

const SERIES = {
  since: "2026-01-01T00:00:30Z",
  until: "2026-01-01T00:05:00Z",
  step: 60,
  left_out: 0,
  lines: [{ key: {}, points: [{ time: "2026-01-01T00:02:00Z", sums: { sent_bytes: 600 } }] }],
} as unknown as Series;

it("a step of which nothing was told has nothing, not zero", () => {
  const past = historyOf(SERIES);
  expect(past.times).toHaveLength(6);
  expect(perSecond(past, (sums) => sums.sent_bytes)).toEqual([null, null, 10, null, null, null]);
  expect(historyOf({ ...SERIES, lines: [] }).sums.every((sums) => sums === null)).toBe(true);
});
