import { beforeEach, expect, test, vi } from "vitest";
import { Backing } from "./backing";
import { panned, zoomed, type View } from "./view";

const SIZE = { width: 400, height: 200 };
const VIEW: View = { x: 0, y: 0, scale: 1 };
const CONTENT = { x: -1000, y: -1000, width: 3000, height: 3000 };
const OF = [{}, SIZE];
let backing: Backing;

beforeEach(() => {
  vi.stubGlobal("document", { createElement: () => ({ getContext: () => ({}) }) });
  backing = new Backing();
  backing.keep(OF, VIEW, SIZE, 1, () => undefined);
});

const serves = (view: View, of: readonly unknown[] = OF, content = CONTENT): boolean =>
  backing.serves(of, view, SIZE, content);

test("it serves what it was painted of, a quarter of the sight to each side", () => {
  expect(serves(VIEW)).toBe(true);
  expect(serves(panned(VIEW, 100, -50))).toBe(true);
  expect(serves(panned(VIEW, 101, 0))).toBe(false);
  expect(serves(panned(VIEW, 0, -51))).toBe(false);
});

test("what lies beyond the content needs no painting", () => {
  expect(serves(panned(VIEW, 300, 0), OF, { x: 0, y: 0, width: 450, height: 200 })).toBe(true);
});

test("it is neither blown up nor shrunk by much", () => {
  const middle = { x: 200, y: 100 };
  expect(serves(zoomed(VIEW, 1.5, middle))).toBe(true);
  expect(serves(zoomed(VIEW, 1.7, middle))).toBe(false);
  expect(serves(zoomed(VIEW, 0.7, middle))).toBe(true);
  expect(serves(zoomed(VIEW, 0.6, middle))).toBe(false);
});

test("another scene is painted anew", () => {
  expect(serves(VIEW, [{}, SIZE])).toBe(false);
  expect(new Backing().serves(OF, VIEW, SIZE, CONTENT)).toBe(false);
});
