import { expect, test } from "vitest";

import { groupOf, questionOf, subjectOf, subjectOfEdge, type Called } from "./subject";

const UI: Called = { kind: "pod", namespace: "shop", name: "Deployment/ui" };
const NODE: Called = { kind: "node", namespace: "", name: "node-a" };

test.each([
  [UI, "shop/ui", "shop/ui"],
  [{ ...UI, name: "ui" }, "shop/ui", "shop/ui"],
  [{ kind: "service", namespace: "shop", name: "ui" }, "service shop/ui", ""],
  [{ kind: "external", namespace: "", name: "payments.example" }, "payments.example", ""],
  [{ kind: "external", namespace: "", name: "everything else" }, "", ""],
  [{ kind: "namespace", namespace: "shop", name: "shop" }, "", ""],
  [NODE, "node-a", "node node-a"],
])("%o is %s, alone %s", (end, group, alone) => {
  expect(groupOf(end)).toBe(group);
  expect(subjectOf(end)).toBe(alone);
});

test("an edge needs both of its ends", () => {
  expect(subjectOfEdge(UI, NODE)).toBe("shop/ui -> node-a");
  expect(subjectOfEdge(UI, { kind: "namespace", namespace: "data", name: "data" })).toBe("");
});

test("a fixed time is its middle, what runs is now", () => {
  expect(questionOf("shop/ui", { since: "1h", until: "" })).toEqual({ subject: "shop/ui" });
  expect(questionOf("shop/ui", { since: "2026-11-23T10:00:00Z", until: "2026-11-23T10:10:00Z" })).toEqual({
    subject: "shop/ui",
    at: "2026-11-23T10:05:00Z",
    window: "300",
  });
});
