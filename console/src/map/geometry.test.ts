import { describe, expect, it } from "vitest";

import { along, around, curveOf, distance, hullOf, nextFrom, type Box } from "./geometry";

const box = (x: number, y: number, width = 160, height = 28): Box => ({ x, y, width, height });

describe("curves", () => {
  it.each([
    ["to the right", box(0, 0), box(400, 80), 160, 400],
    ["to the left", box(400, 80), box(0, 0), 400, 160],
    ["to one above", box(0, 200), box(0, 0), 160, 160],
    ["to one almost above", box(0, 200), box(100, 0), 160, 260],
  ])("leave and arrive at the sides that face each other: %s", (_, client, server, leaves, arrives) => {
    const [start, , , end] = curveOf(client, server, false);
    expect([start.x, end.x]).toEqual([leaves, arrives]);
  });

  it("lie apart where two talk to each other", () => {
    const [one, other] = [box(0, 0), box(400, 0)];
    const there = along(curveOf(one, other, true), 0.5);
    const back = along(curveOf(other, one, true), 0.5);
    expect(Math.abs(there.y - back.y)).toBeGreaterThan(4);
    const [low, high] = [box(0, 200), box(0, 0)];
    expect(along(curveOf(low, high, true), 0.5).x).not.toBeCloseTo(along(curveOf(high, low, true), 0.5).x, 0);
  });

  it("do not depend on who else there is, and stay on the side they leave", () => {
    const client = box(0, 0);
    for (const y of [-5000, -60, 0, 60, 5000]) {
      const [start] = curveOf(client, box(400, y), true);
      expect(start.y).toBeGreaterThanOrEqual(0);
      expect(start.y).toBeLessThanOrEqual(28);
    }
  });

  it("of what moves within a collapsed namespace begin and end on it", () => {
    const whole = box(0, 0, 200, 100);
    const [start, , , end] = curveOf(whole, whole, false);
    expect([start.y, end.x]).toEqual([0, 200]);
  });
});

describe("pointing", () => {
  const curve = curveOf(box(0, 0), box(400, 80), false);

  it("hits a curve along its whole length and nothing beside it", () => {
    for (const t of [0, 0.2, 0.5, 0.9, 1]) {
      const at = along(curve, t);
      expect(distance(curve, at, 6)).toBeLessThan(1);
      expect(distance(curve, { x: at.x, y: at.y + 40 }, 6)).toBeGreaterThan(6);
    }
  });

  it("has a hull that holds the curve", () => {
    const hull = hullOf(curve);
    for (let t = 0; t <= 1; t += 0.05) {
      const at = along(curve, t);
      expect(at.x >= hull.x && at.x <= hull.x + hull.width).toBe(true);
      expect(at.y >= hull.y && at.y <= hull.y + hull.height).toBe(true);
    }
  });
});

describe("the next one", () => {
  const all = [box(0, 0), box(200, 0), box(400, 0), box(200, 100), box(0, -100)].map((one) => ({ box: one }));

  it.each([
    [0, 1, 0, 1],
    [1, 1, 0, 2],
    [1, 0, 1, 3],
    [0, 0, -1, 4],
    [2, -1, 0, 1],
  ])("from %i by (%i, %i) is %i", (from, dx, dy, to) => {
    expect(nextFrom(all, all[from], dx, dy)).toBe(all[to]);
  });

  it("is nobody beyond the last, and the first from nowhere", () => {
    expect(nextFrom(all, all[2], 1, 0)).toBeUndefined();
    expect(nextFrom(all, undefined, 1, 0)).toBe(all[0]);
  });
});

it("the box around all of them", () => {
  expect(around([box(0, 0), box(100, -50)])).toEqual({ x: 0, y: -50, width: 260, height: 78 });
  expect(around([])).toBeNull();
});
