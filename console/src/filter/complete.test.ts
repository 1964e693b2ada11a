import { expect, test } from "vitest";

import { completed, fields, fixedValues, namedPart, offered, placeIn, spotAt } from "./complete";

test.each([
  ["src.na", 6, { part: "src.na", field: "" }],
  ["src.namespace=sh", 16, { part: "sh", field: "src.namespace" }],
  ["port=80,44", 10, { part: "44", field: "port" }],
  ["(dst.zone=1a or ver", 19, { part: "ver", field: "" }],
  ['name="a b', 9, { part: "a b", field: "name" }],
  ['name="a b" ki', 13, { part: "ki", field: "" }],
  ["bytes>=10", 9, { part: "10", field: "bytes", operator: ">=" }],
  ["", 0, { part: "", field: "" }],
])("at %s|%i", (text, cursor, wanted) => expect(spotAt(text, cursor)).toMatchObject(wanted));

test.each([
  ["src.namespace=sh dst.port=1", 16, "shop", "src.namespace=shop dst.port=1", 19],
  ["verd", 4, "verdict=", "verdict=", 8],
  ["category=cl", 11, "cloud service", 'category="cloud service" ', 25],
  ["port=80,4", 9, "443", "port=80,443 ", 12],
])("%s completed", (text, cursor, word, wanted, at) =>
  expect(completed(text, spotAt(text, cursor), word)).toEqual({ text: wanted, cursor: at }),
);

test("what begins so comes first, what is written already is not offered", () => {
  expect(offered("name", fields())).toEqual([
    "namespace=",
    "name=",
    "src.namespace=",
    "src.name=",
    "dst.namespace=",
    "dst.name=",
  ]);
  expect(offered("TCP", fixedValues("proto") ?? [])).toEqual([]);
});

test("values of ends are the hub's to know, others everybody's", () => {
  expect([namedPart("src.workload"), namedPart("port"), namedPart("proto")]).toEqual([
    "workload",
    null,
    null,
  ]);
  expect(fixedValues("dst.kind")).toContain("cloud");
  expect(fixedValues("dst.name")).toBeNull();
});

test("a refusal points", () => {
  expect(placeIn("filter: at character 17: `zz` where a term should be")).toBe(16);
  expect(placeIn("filter: has 5000 characters")).toBeNull();
});
