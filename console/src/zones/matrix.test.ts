import { expect, test } from "vitest";

import { dollars, keyOf, matrixOf, money, type Groups } from "./matrix";

const group = (client_zone: string, server_zone: string, sent_bytes: number, category = "x") =>
  ({
    key: { client_zone, server_zone, category },
    sums: { sent_bytes, received_bytes: 1, connections: 2, retransmissions: 0 },
  }) as unknown as Groups["groups"][number];

test("bytes by zones of both ends, whatever they are called", () => {
  const matrix = matrixOf({
    since: "",
    until: "",
    groups: [group("b", "a", 9), group("a", "a", 4), group("a", "", 1), group("a", "a", 2, "y")],
  });
  expect(matrix.zones).toEqual(["a", "b", ""]);
  expect(matrix.cells.get(keyOf("a", "a"))).toEqual({ bytes: 8, connections: 4, retransmissions: 0 });
  expect([matrix.total, matrix.crossing, matrix.most]).toEqual([20, 10, 10]);
});

test("money", () => {
  expect(dollars(2 ** 30, 0.02)).toBe(0.02);
  expect([0, 0.00012345, 0.4, 1234].map(money)).toEqual(["$0.00", "$0.00012", "$0.40", "$1,234.00"]);
});
