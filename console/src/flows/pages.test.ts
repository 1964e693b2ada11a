import { expect, test } from "vitest";

import { Followed } from "./fresh.svelte";
import { FlowPages, PAGE, type Flow } from "./pages.svelte";

const flow = (port: number) => ({ port }) as unknown as Flow;

/** A hub with so many flows, whose cursors are page numbers. */
function hub(total: number): { asked: string[]; pages: FlowPages } {
  const asked: string[] = [];
  const pages = new FlowPages((cursor) => {
    asked.push(cursor);
    const from = Number(cursor || 0) * PAGE;
    const flows = Array.from({ length: Math.min(PAGE, total - from) }, (_, index) => flow(from + index));
    return Promise.resolve({ flows, next: from + PAGE < total ? String(from / PAGE + 1) : null });
  });
  return { asked, pages };
}

async function settled(): Promise<void> {
  await new Promise((done) => setTimeout(done));
}

test("pages come as they are needed, one after the other", async () => {
  const { asked, pages } = hub(2 * PAGE + 7);
  await pages.start();
  expect([pages.length, pages.more]).toEqual([PAGE, true]);
  pages.need(PAGE - 10, PAGE);
  pages.need(PAGE - 10, PAGE);
  await settled();
  expect(asked).toEqual(["", "1"]);
  pages.need(2 * PAGE - 1, 2 * PAGE);
  await settled();
  expect([pages.length, pages.more]).toEqual([2 * PAGE + 7, false]);
  expect(pages.at(2 * PAGE + 6)).toEqual(flow(2 * PAGE + 6));
});

test("a million rows are not kept: what nobody looks at is fetched again", async () => {
  const { asked, pages } = hub(60 * PAGE);
  await pages.start();
  for (let page = 1; page < 60; page += 1) {
    pages.need(page * PAGE, page * PAGE);
    await settled();
  }
  expect(pages.length).toBe(60 * PAGE);
  expect(pages.at(0)).toBeUndefined();
  expect(pages.at(59 * PAGE)).toEqual(flow(59 * PAGE));
  pages.need(0, 10);
  await settled();
  expect(pages.at(0)).toEqual(flow(0));
  expect(asked.filter((cursor) => cursor === "")).toHaveLength(2);
});

test("what comes in waits while somebody reads", async () => {
  const { pages } = hub(3);
  await pages.start();
  const rows = new Followed(pages);
  rows.take([flow(100), flow(101)], true);
  expect([rows.length, rows.at(0), rows.at(2)]).toEqual([5, flow(101), flow(0)]);
  rows.take([flow(102)], false);
  expect([rows.length, rows.waiting]).toEqual([5, 1]);
  rows.show();
  expect([rows.length, rows.at(0)]).toEqual([6, flow(102)]);
});
