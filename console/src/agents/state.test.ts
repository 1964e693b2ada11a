import { expect, test } from "vitest";

import { blindSpots, coresOf, healthOf, lossesOf, memoryOf, type NodeState } from "./state";

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
  const lossy = node(5, {}, { losses: { flows_full: 1200, pods_without_interface: 0, new_kind: 2 } });
  expect(blindSpots(lossy, NOW)).toEqual([
    "1,200 packets found no room in the table of flows; they are in their pods' sums alone.",
    "2 new kind.",
  ]);
  expect(blindSpots(node(null), NOW)[0]).toMatch(/^No agent has reported/);
});

test("losses", () => {
  expect(lossesOf(node(5))).toBe("");
  expect(lossesOf(node(5, {}, { losses: { spill_full: 3, ok: 0 }, missing: 2000 }))).toBe(
    "spill full 3, batches 2,000",
  );
});

test("load is of agents that tell it", () => {
  const told = node(5, {}, { cores: 0.0042, resident_bytes: 38_000_000 });
  expect([coresOf(told), memoryOf(told)]).toEqual(["4.2m", "38 MB"]);
  const older = node(5, {}, { cores: null, resident_bytes: 0 });
  expect([coresOf(older), memoryOf(older), coresOf(node(null))]).toEqual(["–", "–", "–"]);
});
