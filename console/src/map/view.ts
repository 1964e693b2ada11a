/** The part of the map that is in sight: a corner and a scale. */

import type { Box, Point } from "./geometry";

export interface View {
  /** The hub's pixel in the upper left corner of the screen. */
  readonly x: number;
  readonly y: number;
  /** Pixels of the screen for one of the hub's. */
  readonly scale: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const LEAST = 0.03;
const MOST = 4;
const LARGEST_FIT = 1.25;

/** All of a box, in the middle of the screen. */
export function fitted(box: Box, size: Size, margin = 28): View {
  const across = (size.width - 2 * margin) / Math.max(box.width, 1);
  const down = (size.height - 2 * margin) / Math.max(box.height, 1);
  const scale = bounded(Math.min(across, down, LARGEST_FIT));
  return {
    x: box.x + box.width / 2 - size.width / 2 / scale,
    y: box.y + box.height / 2 - size.height / 2 / scale,
    scale,
  };
}

/** Nearer or farther; what is under the point of the screen stays there. */
export function zoomed(view: View, factor: number, at: Point): View {
  const scale = bounded(view.scale * factor);
  return {
    x: view.x + at.x / view.scale - at.x / scale,
    y: view.y + at.y / view.scale - at.y / scale,
    scale,
  };
}

/** Moved by pixels of the screen. */
export function panned(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale };
}

/** Moved as little as it takes to see a box. */
export function revealed(view: View, box: Box, size: Size, margin = 40): View {
  const edge = margin / view.scale;
  const [across, down] = [size.width / view.scale, size.height / view.scale];
  const shift = (from: number, length: number, start: number, room: number): number => {
    if (start - edge < from) return start - edge;
    return start + room + edge > from + length ? start + room + edge - length : from;
  };
  return {
    ...view,
    x: shift(view.x, across, box.x, box.width),
    y: shift(view.y, down, box.y, box.height),
  };
}

export function toWorld(view: View, point: Point): Point {
  return { x: view.x + point.x / view.scale, y: view.y + point.y / view.scale };
}

export function sightOf(view: View, size: Size): Box {
  return { x: view.x, y: view.y, width: size.width / view.scale, height: size.height / view.scale };
}

/** As the URL has it. */
export function textOf(view: View): string {
  return `${Math.round(view.x)},${Math.round(view.y)},${Number(view.scale.toPrecision(3))}`;
}

/** What the URL says; null for anything else. */
export function viewOf(text: string): View | null {
  const [x, y, scale, ...more] = text.split(",").map(Number);
  if (x === undefined || y === undefined || scale === undefined || more.length || !(scale > 0)) return null;
  return Number.isFinite(x) && Number.isFinite(y) ? { x, y, scale: bounded(scale) } : null;
}

function bounded(scale: number): number {
  return Math.min(MOST, Math.max(LEAST, scale));
}
