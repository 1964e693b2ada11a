import { expect, test } from "vitest";

import { changed, moved, placeOf, urlOf } from "./place";

test.each([
  ["/", "", "/"],
  ["/flows", "?view=cloud&q=dst.port%3D53", "/flows?q=dst.port=53&view=cloud"],
  ["/flows/", "", "/flows"],
  ["/nowhere", "?q=a", "/?q=a"],
  ["/map", "?pick=&theme=dark", "/map?theme=dark"],
  [
    "/flows",
    "?q=name%3D%22a+b%22&since=2026-11-23T10:00:00Z",
    "/flows?since=2026-11-23T10:00:00Z&q=name=%22a+b%22",
  ],
])("%s%s is %s", (path, query, wanted) => {
  const url = urlOf(placeOf(path, query));
  expect(url).toBe(wanted);
  // The same again: what a link says is what it said.
  const [again, rest = ""] = url.split("?");
  expect(urlOf(placeOf(again ?? "", rest))).toBe(wanted);
});

test("time and filter go along, what is picked does not", () => {
  const place = placeOf("/flows", "?q=a&since=6h&pick=x&view=cloud&theme=dark");
  expect(moved(place, "zones").told).toEqual({ q: "a", since: "6h", theme: "dark" });
  expect(moved(place, "flows", { pick: null }).told).toEqual({
    q: "a",
    since: "6h",
    theme: "dark",
    view: "cloud",
  });
});

test("null and nothing take away", () => {
  const place = placeOf("/flows", "?q=a&view=cloud");
  expect(changed(place, { q: "", view: null, sort: "bytes" }).told).toEqual({ sort: "bytes" });
});
