import { expect, test } from "vitest";

import { mistakesOf, orderOf, USUAL, wishOf, within } from "./order";

const POLICIES = ["shop", "data"].map(
  (ns) => `kind: NetworkPolicy\nmetadata:\n  name: all\n  namespace: ${ns}`,
);

test("what the address does not say is as usual", () => {
  const told = new Map([["budget", "34%"]]);
  expect(wishOf((key) => told.get(key) ?? "")).toEqual({ ...USUAL, budget: "34%" });
});

test.each([
  [{}, []],
  [{ name: "Shop!" }, ["name"]],
  [{ budget: "some" }, ["budget"]],
  [{ soak: "soon", quiet: "1w3d" }, ["soak", "quiet"]],
  [{ score: "101" }, ["score"]],
])("%o has mistakes in %o", (told, wanted) =>
  expect(Object.keys(mistakesOf({ ...USUAL, ...told }))).toEqual(wanted),
);

test("an order is in the hub's words", () =>
  expect(orderOf({ ...USUAL, ns: "shop, data", canary: "node-a", quiet: "2h" }, "…")).toEqual({
    name: "default-deny",
    policies: "…",
    driver: "modes",
    posture: "allow",
    namespaces: ["shop", "data"],
    nodes: null,
    limits: { budgets: [{ nodes: "10%" }], canary: ["node-a"] },
    gates: { quiet: "PT7200S", score: 90 },
    soak: "PT600S",
    back: "step",
  }));

test("only policies of its namespaces go along", () => {
  expect(within(POLICIES.join("\n---\n"), "data")).toBe(POLICIES[1]);
  expect(within(POLICIES.join("\n---\n"), "")).toBe(POLICIES.join("\n---\n"));
});
