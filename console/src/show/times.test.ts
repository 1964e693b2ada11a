import { expect, test } from "vitest";

import { absolute, ago, clock, span } from "./times";

const NOW = Date.parse("2026-11-23T12:00:00Z");

test.each([
  [0, "now"],
  [45, "45 s ago"],
  [119, "119 s ago"],
  [180, "3 min ago"],
  [7200, "2 h ago"],
  [200_000, "2 d ago"],
  [-7200, "in 2 h"],
])("%i s back is %s", (seconds, wanted) => expect(ago(NOW - seconds * 1000, NOW)).toBe(wanted));

test("spans are of the largest unit that there are two of", () =>
  expect([0, 59, 120, 5400, 100_000].map(span)).toEqual(["0 s", "59 s", "2 min", "90 min", "27 h"]));

test("UTC says so, local time its offset", () => {
  expect(absolute(NOW, true)).toBe("2026-11-23 12:00:00 UTC");
  expect(absolute(NOW, false)).toMatch(/^2026-11-2\d \d\d:00:00 [+-]\d\d:\d\d$|:30:00 [+-]\d\d:\d\d$/);
  expect(clock(NOW, true)).toBe("12:00:00");
});
