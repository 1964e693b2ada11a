import { expect, test } from "vitest";

import { documentsOf, evidenceOf, linesOf, titleIn } from "./rules";

const POLICY = `# What it was seen to do.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: orders
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: orders
  policyTypes:
    - Ingress
  ingress:
    # ui/ui: 20 connections
    # dev/x: 1,300 connections
    - from:
        - podSelector: {}
      ports:
        - protocol: TCP
    - ports:
        - protocol: UDP
  # it was seen to call nothing
  egress: []
`;

test("every rule has its lines, and begins with its comments", () => {
  const lines = linesOf(POLICY);
  expect(lines.filter(({ begins }) => begins).map(({ rule, text }) => [rule, text.trim()])).toEqual([
    ["ingress[0]", "# ui/ui: 20 connections"],
    ["ingress[1]", "- ports:"],
  ]);
  expect(lines.filter(({ rule }) => rule === "ingress[0]")).toHaveLength(6);
  expect(lines.map(({ text }) => text).join("\n")).toBe(POLICY.trimEnd());
  expect(lines.find(({ text }) => text.includes("- Ingress"))?.rule).toBe("");
});

test("documents and their titles", () => {
  const text = `${POLICY}---\n${POLICY.replace("  namespace: shop\n", "")}`;
  expect(documentsOf(text).map(titleIn)).toEqual(["shop/orders", "default/orders"]);
  expect(documentsOf("")).toEqual([]);
});

test("evidence is added up", () =>
  expect(evidenceOf(["a: 1,300 connections", "b: 20 connections, 1 KiB"])).toBe("1,320"));
