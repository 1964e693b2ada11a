import { expect, test } from "vitest";

import type { Schemas } from "../api/ask";
import { standingsOf, tallyOf } from "./standing";

const none = { ingress: [], egress: [] };
const told = (workload: string, active: object = none, cluster: object = none): Schemas["Protected"] =>
  ({ workload, pods: 1, active, cluster, staged: none }) as Schemas["Protected"];
const all = (workloads: Schemas["Protected"][], active_posture: string | null = null) =>
  standingsOf({ workloads, active_posture, staged_posture: null }, undefined);

test("a workload is closed where both directions are held, by whomever", () => {
  const standings = all([
    told("a/open"),
    told("a/partly", { ingress: ["a/p"], egress: [] }),
    told("a/closed", { ingress: ["a/p"], egress: [] }, { ingress: ["a/p"], egress: ["a/q"] }),
  ]);
  expect(standings.map(({ state }) => state)).toEqual(["open", "partly", "closed"]);
  expect(standings[2]).toMatchObject({ namespace: "a", name: "closed", ingress: ["a/p"], egress: ["a/q"] });
  expect(tallyOf(standings)).toEqual({ open: 1, partly: 1, closed: 1 });
});

test("a posture of deny closes who no policy selects", () =>
  expect(all([told("a/b")], "deny")[0]?.state).toBe("closed"));
