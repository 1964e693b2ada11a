import { expect, test } from "vitest";

import { bytes, count, inUnit, many, micros, share, unitFor, UNKNOWN } from "./units";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1 kB"],
  [4_100_000_000, "4.1 GB"],
  [999_600, "1 MB"],
  [null, UNKNOWN],
])("%s bytes", (value, wanted) => expect(bytes(value)).toBe(wanted));

test.each([
  [9999, "9,999"],
  [12_345, "12.3 k"],
  [undefined, UNKNOWN],
])("a count of %s", (value, wanted) => expect(count(value)).toBe(wanted));

test.each([
  [340, "340 us"],
  [1234, "1.2 ms"],
  [2_500_000, "2.5 s"],
  [null, UNKNOWN],
])("%s microseconds", (value, wanted) => expect(micros(value)).toBe(wanted));

test("a column has one unit, in which little is not nothing", () => {
  const unit = unitFor([0, 20, 4_000_000]);
  expect(unit).toEqual({ name: "kB", size: 1000 });
  expect([4_000_000, 20, 0].map((value) => inUnit(value, unit))).toEqual(["4,000.0", "<0.1", "0"]);
  expect(unitFor([1, 9999])).toEqual({ name: "B", size: 1 });
});

test("shares and plurals", () => {
  expect([0, 0.0001, 0.0312, 0.26].map(share)).toEqual(["0 %", "<0.1 %", "3.1 %", "26 %"]);
  expect([many(1, "edge"), many(2, "edge"), many(0, "policy", "policies")]).toEqual([
    "1 edge",
    "2 edges",
    "0 policies",
  ]);
});
