import { describe, expect, it } from "vitest";

import { fitted, panned, revealed, textOf, toWorld, viewOf, zoomed } from "./view";

const SIZE = { width: 1000, height: 600 };
const VIEW = { x: -100, y: 50, scale: 0.5 };

describe("what is in sight", () => {
  it("is all of a box, in the middle, and never larger than life", () => {
    const wide = fitted({ x: 0, y: 0, width: 4000, height: 100 }, SIZE, 0);
    expect(wide.scale).toBe(0.25);
    expect(toWorld(wide, { x: 500, y: 300 })).toEqual({ x: 2000, y: 50 });
    expect(fitted({ x: 0, y: 0, width: 10, height: 10 }, SIZE).scale).toBe(1.25);
  });

  it("stays under the pointer while it comes nearer", () => {
    const at = { x: 333, y: 77 };
    const before = toWorld(VIEW, at);
    for (const factor of [0.01, 0.5, 1.3, 100]) {
      const after = toWorld(zoomed(VIEW, factor, at), at);
      expect(after.x).toBeCloseTo(before.x, 6);
      expect(after.y).toBeCloseTo(before.y, 6);
    }
  });

  it("goes along with the pointer that drags it", () => {
    const moved = panned(VIEW, 30, -20);
    expect(toWorld(moved, { x: 130, y: 80 })).toEqual(toWorld(VIEW, { x: 100, y: 100 }));
  });

  it("moves only as far as a box needs", () => {
    const inside = { x: 300, y: 300, width: 100, height: 20 };
    expect(revealed(VIEW, inside, SIZE)).toEqual(VIEW);
    const right = revealed(VIEW, { ...inside, x: 3000 }, SIZE, 40);
    expect(right).toEqual({ ...VIEW, x: 3000 + 100 + 80 - 2000 });
  });
});

it.each([
  ["-100,50,0.5", VIEW],
  ["1,2,0.0001", { x: 1, y: 2, scale: 0.03 }],
  ["", null],
  ["1,2", null],
  ["1,2,0", null],
  ["1,2,3,4", null],
  ["a,2,3", null],
  ["Infinity,2,3", null],
])("a URL that says `%s`", (text, view) => {
  expect(viewOf(text)).toEqual(view);
  if (text === textOf(VIEW)) expect(viewOf(textOf(VIEW))).toEqual(VIEW);
});
