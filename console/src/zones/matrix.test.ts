import { expect, test } from "vitest";

import { earlier, keyOf, matrixOf, placeOf, type Zones } from "./matrix";

const group = (client_zone: string, server_zone: string, sent_bytes: number, category = "x") =>
  ({
    key: { client_zone, server_zone, category },
    sums: { sent_bytes, received_bytes: 1, connections: 2, retransmissions: 0 },
  }) as unknown as Zones["groups"][number];

test("bytes by zones of both ends, whatever they are called, with their cost and what was before", () => {
  const matrix = matrixOf({
    groups: [group("b", "a", 9), group("a", "a", 4), group("a", "", 1), group("a", "a", 2, "y")],
    now: { zones: [{ client_zone: "b", server_zone: "a", cost: 0.5 }] } as Zones["now"],
    changes: [{ client_zone: "b", server_zone: "a", bytes_before: 3 }] as Zones["changes"],
  });
  expect(matrix.zones).toEqual(["a", "b", ""]);
  expect(matrix.cells.get(keyOf("a", "a"))).toMatchObject({ bytes: 8, connections: 4, cost: null });
  expect(matrix.cells.get(keyOf("b", "a"))).toMatchObject({ bytes: 10, cost: 0.5, before: 3 });
  expect(matrix.most).toBe(10);
});

const NOW = Date.parse("2026-11-23T12:00:00Z");
const hour = { since: "1h", until: "" };

test.each([
  ["", hour, {}],
  ["1", hour, { before: "2026-11-23T10:00:00.000Z", before_until: "2026-11-23T11:00:00.000Z" }],
  ["7d", hour, { before: "2026-11-16T11:00:00.000Z", before_until: "2026-11-16T12:00:00.000Z" }],
  [
    "1",
    { since: "2026-11-23T08:00:00Z", until: "2026-11-23T10:00:00Z" },
    { before: "2026-11-23T06:00:00.000Z", before_until: "2026-11-23T08:00:00.000Z" },
  ],
  [
    "2026-11-01T00:00Z/2026-11-02T00:00Z",
    hour,
    { before: "2026-11-01T00:00:00.000Z", before_until: "2026-11-02T00:00:00.000Z" },
  ],
  ["2026-11-02T00:00Z/2026-11-01T00:00Z", hour, {}],
  ["nonsense", hour, {}],
])("compared by %s", (compare, asked, wanted) => expect(earlier(compare, asked, NOW)).toEqual(wanted));

test.each([
  [{}, "everywhere"],
  [{ scope: "intra-zone" }, "within a zone"],
  [{ provider: "aws", scope: "inter-zone" }, "AWS, between zones"],
  [{ provider: "aws", region: "eu-west-1", to_region: "eu-west-2" }, "AWS eu-west-1 to eu-west-2"],
  [{ zones: ["a", "b"] }, "a and b"],
])("%o holds %s", (price, wanted) =>
  expect(placeOf({ out: 0, in: 0, ...price } as Parameters<typeof placeOf>[0])).toBe(wanted),
);
