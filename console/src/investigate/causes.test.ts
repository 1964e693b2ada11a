import { expect, test } from "vitest";

import { comparedOf, flowsOf, looksAt, type Cause, type Investigation, type Part } from "./causes";

const LINK =
  "/flows?since=2026-09-21T13:25Z&until=2026-09-21T15:31Z&q=src.namespace=shop+src.workload=ui+dst.port=80";
const TIME = { since: "2026-09-21T13:25Z", until: "2026-09-21T15:31Z" };
const FILTER = "src.namespace=shop src.workload=ui dst.port=80";

test("a link is a time and a filter", () => expect(flowsOf({ link: LINK })).toEqual({ ...TIME, q: FILTER }));

test.each([
  ["policy", "shop/ui -> data/db:80", ["flows", "policies"], `${FILTER} verdict=denied`],
  ["dns", "shop/ui", ["flows"], "src.namespace=shop src.workload=ui dst.port=53"],
  ["loss", "node-b", ["agents", "flows"], undefined],
  ["replica", "db-4", ["flows"], `${FILTER} dst.name=db-4`],
  ["deploy", "db-4", ["flows"], FILTER],
])("%s of %s leads to %o", (kind, where, pages, filter) => {
  const looks = looksAt({ kind, where, score: 1, why: [] } as unknown as Cause, { link: LINK });
  expect(looks.map(({ page }) => page)).toEqual(pages);
  expect(looks[0]?.changes["q"]).toBe(filter);
});

test("the worst stands beside the healthiest: of the same trouble, the slowest", () => {
  const part = (name: string, share: number, rtt_us: number | null) => ({ name, share, rtt_us }) as Part;
  const servers = [part("a", 0, 900), part("b", 0, null), part("c", 0, 90_000)];
  const told = (sibling: string, all = servers) =>
    comparedOf({ servers: all, sibling } as Investigation)?.map(({ name }) => name);
  expect(told("a")).toEqual(["c", "a"]);
  expect(told("a", [...servers, part("d", 0.2, 1)])).toEqual(["d", "a"]);
  expect([told(""), told("a", servers.slice(0, 1))]).toEqual([undefined, undefined]);
});
