import { expect, test } from "vitest";

import { holderOf, overridable, rowOf, verbsOf, type Rollout } from "./plan";

const AT = "2026-11-23T08:00:00Z";
const step = (units: string[], more: object = {}): Rollout["steps"][number] => ({
  units,
  begun: AT,
  ...more,
});
const rollout = (phase: string, more: Partial<Rollout> = {}): Rollout =>
  ({
    phase,
    since: AT,
    steps: [],
    to_come: [],
    units: [],
    breakage: null,
    soak_seconds: 60,
    ...more,
  }) as Rollout;
const told = (given: Rollout): string[] => rowOf(given).map(({ title, tone }) => `${title}: ${tone}`);

test.each([
  ["drafted", [], ["start"]],
  ["observing", [], ["pause", "abort"]],
  ["staged", [], ["pause", "abort"]],
  ["enforcing", [step(["a"])], ["pause", "back", "abort"]],
  ["paused", [step(["a"])], ["resume", "back", "abort"]],
  ["stepped-back", [], ["start", "abort"]],
  ["done", [step(["a"])], ["back", "abort"]],
  ["aborted", [], ["start"]],
])("%s may be: %s", (phase, steps, wanted) => expect(verbsOf({ phase, steps })).toEqual(wanted));

test.each([
  [[{ name: "a", phase: "drafted" }], ""],
  [
    [
      { name: "a", phase: "done" },
      { name: "b", phase: "paused" },
    ],
    "b",
  ],
  [[{ name: "a", phase: "stepped-back" }], "a"],
])("of %o %s holds what is in force", (rollouts, wanted) => expect(holderOf(rollouts)).toBe(wanted));

test("the row goes from the trial to the end", () => {
  expect(told(rollout("drafted", { to_come: [["a"], ["b"]] }))).toEqual([
    "On trial: next",
    "Step 1: next",
    "Step 2: next",
    "Done: next",
  ]);
  const steps = [step(["a"], { obeyed: AT, soaked: AT }), step(["b"], { obeyed: AT })];
  const row = rowOf(rollout("enforcing", { steps, to_come: [["c"]] }));
  expect(row.map(({ tone }) => tone)).toEqual(["done", "done", "now", "next", "next"]);
  // What soaks says until when.
  expect(row[2]).toMatchObject({ note: "watched", at: "2026-11-23T08:01:00.000Z" });
});

test("what was taken back stands where it was", () => {
  const gates = [{ name: "denied", open: false, value: "4", limit: "none", why: "", hard: false }];
  const breakage = { at: AT, gates, denied: [], units: ["b"] };
  const given = rollout("stepped-back", { steps: [step(["a"], { soaked: AT })], to_come: [["b"]], breakage });
  expect(told(given)).toEqual([
    "On trial: done",
    "Step 1: done",
    "Taken back: broken",
    "Step 2: next",
    "Done: next",
  ]);
  expect(rowOf(given)[2]?.note).toBe("gate denied");
});

test("many steps are a few cells, and none is left out", () => {
  const steps = Array.from({ length: 9 }, (_, index) => step([`m${index}`], { soaked: AT }));
  const coming = Array.from({ length: 30 }, (_, index) => [`n${index}`]);
  const row = rowOf(rollout("enforcing", { steps, to_come: coming }));
  expect(row.map(({ title }) => title)).toEqual([
    ...["On trial", "5 steps", "Step 6", "Step 7", "Step 8", "Step 9"],
    ...["Step 10", "Step 11", "Step 12", "Step 13", "26 steps", "Done"],
  ]);
  expect(row.flatMap(({ units }) => units)).toHaveLength(39);
});

test("only gates before a step are overridden, and never a hard one", () => {
  const gate = { name: "coverage", open: false, value: "", limit: "", why: "", hard: false };
  expect(overridable(gate)).toBe(true);
  expect(overridable({ ...gate, open: true })).toBe(false);
  expect(overridable({ ...gate, name: "programmed", hard: true })).toBe(false);
  expect(overridable({ ...gate, name: "denied" })).toBe(false);
});
