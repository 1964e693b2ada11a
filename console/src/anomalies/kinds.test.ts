import { expect, test } from "vitest";

import { pressing, type Anomaly } from "./kinds";

const NOW = Date.parse("2026-11-23T12:00:00Z");

test("what presses is of the last day, and nobody spoke of it yet", () => {
  const one = (id: string, until: string, sure: number, feedback = "") =>
    ({ id, until, sure, feedback }) as Anomaly;
  const told = [
    one("likely", "2026-11-23T11:00:00Z", 0.6),
    one("sure", "2026-11-23T10:00:00Z", 0.9),
    one("old", "2026-11-22T11:00:00Z", 0.9),
    one("known", "2026-11-23T11:00:00Z", 0.9, "not-expected"),
  ];
  expect(pressing(told, NOW).map(({ id }) => id)).toEqual(["sure", "likely"]);
});
