import { expect, test } from "vitest";

import { leastOf, rowsOf, textOf, tracksOf, unitsOf, windowOf, type Column } from "./grid";

const columns: readonly Column<number | null>[] = [
  { key: "a", name: "A", width: 50, bytes: true, figure: (row) => row },
  { key: "b", name: "B", width: "2fr", text: (row) => (row === null ? "" : `<${row}>`) },
];

test("only what is in sight, and some beyond", () => {
  expect(windowOf(0, 280, 1_000_000)).toEqual([0, 18]);
  expect(windowOf(28_000_000 - 280, 280, 1_000_000)).toEqual([999_982, 1_000_000]);
  expect(windowOf(0, 280, 3)).toEqual([0, 3]);
});

test("figures share a unit, and unknown is a dash", () => {
  const units = unitsOf(columns, [5_000_000, null]);
  expect(columns.map((column) => textOf(column, 5_000_000, units.get(column.key)))).toEqual([
    "5,000.0",
    "<5000000>",
  ]);
  expect(textOf(columns[0] as Column<number | null>, null, units.get("a"))).toBe("–");
});

test("tracks", () => {
  expect(tracksOf(columns)).toBe("50px minmax(120px, 2fr)");
  expect(leastOf(columns)).toBe(194);
  expect(rowsOf([7]).at(0)).toBe(7);
});
