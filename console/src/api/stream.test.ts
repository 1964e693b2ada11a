import { expect, test } from "vitest";

import { eventOf } from "./stream";

test.each([
  ['event: flow\ndata: {"port": 1}', { name: "flow", data: { port: 1 } }],
  ["data: [1,\ndata: 2]", { name: "message", data: [1, 2] }],
  [": nothing new", null],
  ["event: flow", null],
])("%s", (piece, wanted) => expect(eventOf(piece)).toEqual(wanted));
