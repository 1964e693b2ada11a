import { expect, test } from "vitest";

import { durationOf, momentOf, nameOf, secondsOf, stepped } from "./range";

const NOW = Date.parse("2026-11-23T12:00:00Z");

test.each([
  ["90s", 90],
  ["5m", 300],
  ["2h", 7200],
  ["7d", 604800],
  ["1w", 604800],
  ["yesterday", null],
  ["", null],
])("%s has %s seconds", (text, wanted) => expect(secondsOf(text)).toBe(wanted));

test.each([
  ["1h", "2026-11-23T11:00:00.000Z"],
  ["2026-11-22T10:00:00Z", "2026-11-22T10:00:00.000Z"],
])("%s is %s", (text, wanted) => expect(new Date(momentOf(text, NOW) ?? 0).toISOString()).toBe(wanted));

test.each([
  [{ since: "1h", until: "" }, -1, { since: "2026-11-23T10:00:00Z", until: "2026-11-23T11:00:00Z" }],
  [{ since: "2026-11-23T10:00:00Z", until: "2026-11-23T11:00:00Z" }, 1, { since: "", until: "" }],
  [{ since: "2026-11-23T04:00:00Z", until: "2026-11-23T10:00:00Z" }, 1, { since: "6h", until: "" }],
  [
    { since: "2026-11-23T09:00:00Z", until: "2026-11-23T10:00:00Z" },
    1,
    { since: "2026-11-23T10:00:00Z", until: "2026-11-23T11:00:00Z" },
  ],
])("%o stepped by %i", (range, by, wanted) => expect(stepped(range, by, NOW)).toEqual(wanted));

test.each([
  [3_600_000, "1h"],
  [5_400_000, "90m"],
  [86_400_000, "1d"],
  [61_000, "61s"],
])("%i ms is %s", (length, wanted) => expect(durationOf(length)).toBe(wanted));

test("a fixed time has no short name", () => {
  expect(nameOf("15m")).toBe("last 15 min");
  expect(nameOf("2026-11-23T10:00:00Z")).toBeNull();
});
