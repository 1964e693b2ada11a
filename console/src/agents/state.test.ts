import { expect, test } from "vitest";

import { blindSpots, healthOf, lossesOf, type NodeState } from "./state";

const NOW = 1_790_000_000_000;
const node = (silence: number | null, more: object = {}, agent: object = {}): NodeState => ({
  name: "n",
  zone: "",
  pods: 1,
  mode: "off",
  wanted: 3,
  in_cluster: true,
  agent:
    silence === null
      ? null
      : ({
          node: "n",
          revision: 3,
          last_seen_us: (NOW - silence * 1000) * 1000,
          missing: 0,
          losses: {},
          ...agent,
        } as NodeState["agent"]),
  ...more,
});

test.each([
  [null, "never"],
  [5, "reports"],
  [61, "late"],
  [601, "silent"],
])("silent for %s s", (silence, wanted) => expect(healthOf(node(silence), NOW)).toBe(wanted));

test("what is not seen is told, with its reason", () => {
  expect(blindSpots(node(5), NOW)).toEqual([]);
  expect(blindSpots(node(5, { wanted: 4 }), NOW)).toEqual([
    "It obeys revision 3 of its rules, and revision 4 is wanted.",
  ]);
  expect(blindSpots(node(900, { in_cluster: false }), NOW)).toHaveLength(2);
  expect(blindSpots(node(null), NOW)[0]).toMatch(/^No agent has reported/);
});

test("losses", () => {
  expect(lossesOf(node(5))).toBe("");
  expect(lossesOf(node(5, {}, { losses: { spill_full: 3, ok: 0 }, missing: 2000 }))).toBe(
    "spill full 3, batches 2,000",
  );
});
