import { expect, test } from "vitest";

import type { Standing } from "../policies/standing";
import { nextSteps, type Known } from "./steps";

const totals = { denied_edges: 0, would_deny_edges: 0, unjudged_edges: 4, bytes: 100, cross_zone_bytes: 0 };
const quiet = {
  totals,
  silent: 0,
  standings: [],
  intent: { active: null, staged: null },
  rollouts: [],
  anomalies: [],
  hot: undefined,
} as unknown as Known;
const open = [{ state: "open" }] as unknown as readonly Standing[];
const staged = { active: null, staged: { posture: "allow" } } as unknown as Known["intent"];
const pages = (known: Partial<Known>) =>
  nextSteps({ ...quiet, ...known }).map(({ page, title }) => [page, title]);

test("nothing presses", () => expect(pages({})).toEqual([]));

test.each([
  [{ standings: open }, [["policies", "Write policies for 1 open workload"]]],
  [{ standings: open, intent: staged }, [["policies", "Put in force what is on trial"]]],
  [
    { intent: staged, totals: { ...totals, would_deny_edges: 2 } as Known["totals"] },
    [["policies", "2 edges would be denied by what is on trial"]],
  ],
  [
    { totals: { ...totals, cross_zone_bytes: 30 } as Known["totals"] },
    [["zones", "30 % of all bytes cross zones"]],
  ],
])("%o", (known, wanted) => expect(pages(known)).toEqual(wanted));

test("a rollout goes before what it is about", () => {
  const rollouts = (phase: string) => [{ name: "shop", phase, waits: "" }] as unknown as Known["rollouts"];
  expect(pages({ intent: staged, rollouts: rollouts("enforcing") })).toEqual([
    ["rollouts", "Rollout shop is under way"],
  ]);
  expect(pages({ silent: 1, rollouts: rollouts("stepped-back") })[0]).toEqual([
    "rollouts",
    "Rollout shop stepped back",
  ]);
  expect(pages({ rollouts: rollouts("done") })).toEqual([]);
});

test("the surest anomaly is one link away from what may be behind it", () => {
  const anomalies = ["5360cce9", "34f3074e"].map((id) => ({
    id,
    kind: "failures",
    subject: "shop/ui",
    what: id,
  }));
  const [step] = nextSteps({ ...quiet, anomalies: anomalies as unknown as Known["anomalies"] });
  expect(step).toMatchObject({
    title: "Look at 2 anomalies",
    page: "investigate",
    changes: { subject: "5360cce9" },
  });
});

test("three at most, the most urgent first", () => {
  const found = pages({
    silent: 2,
    standings: open,
    totals: { ...totals, denied_edges: 1, cross_zone_bytes: 90 } as Known["totals"],
  });
  expect(found.map(([page]) => page)).toEqual(["flows", "agents", "policies"]);
});
