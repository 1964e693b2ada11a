import { expect, test } from "vitest";

import type { Flow } from "./pages.svelte";
import { pickOf, questionOf } from "./pick";

const flow = {
  time: "2026-11-23T10:00:00.123456Z",
  reporter: "client",
  client: { address: "2001:db8::1" },
  server: { address: "10.0.0.2" },
  protocol: "TCP",
  port: 80,
} as unknown as Flow;

test("a flow is found again by what it is picked as", () =>
  expect(questionOf(pickOf(flow))).toEqual({
    q: "src.ip=2001:db8::1 dst.ip=10.0.0.2 proto=TCP dst.port=80",
    since: "2026-11-23T10:00:00.122Z",
    until: "2026-11-23T10:00:00.125Z",
  }));

test.each(["", "x", "yesterday|client|a|b|TCP|1", "2026-11-23T10:00:00Z|client||b|TCP|1"])(
  "%s is none",
  (pick) => expect(questionOf(pick)).toBeNull(),
);
