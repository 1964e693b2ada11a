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

test("the worst stands beside the healthiest, unless it is the same", () => {
  const part = (name: string) => ({ name }) as Part;
  const told = (sibling: string) => ({ servers: [part("a"), part("b")], sibling }) as Investigation;
  expect(comparedOf(told("b"))?.map(({ name }) => name)).toEqual(["a", "b"]);
  expect([comparedOf(told("a")), comparedOf(told(""))]).toEqual([null, null]);
});
