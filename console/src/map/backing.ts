/** A painting that is moved about while a gesture lasts: painting a large map anew takes longer than a frame. */

import type { Box } from "./geometry";
import { sightOf, type Size, type View } from "./view";

/** What is painted on each side of what is in sight, as a share of it. */
const MARGIN = 0.25;
/** How far it may be blown up or shrunk before it is painted anew. */
const LARGEST = 1.6;

export type Painter = (context: CanvasRenderingContext2D, view: View, size: Size) => void;

export class Backing {
  readonly #canvas = document.createElement("canvas");
  #view: View | null = null;
  #size: Size = { width: 0, height: 0 };
  #of: readonly unknown[] = [];

  /** Whether it can stand for a painting of the same things: of `content`, all that is in sight is on it. */
  serves(of: readonly unknown[], view: View, size: Size, content: Box): boolean {
    if (!this.#view || of.some((one, index) => one !== this.#of[index])) return false;
    const blown = view.scale / this.#view.scale;
    if (blown > LARGEST || blown < 1 / LARGEST) return false;
    return holds(sightOf(this.#view, this.#size), common(sightOf(view, size), content));
  }

  /** Paint it, wider than what is in sight. */
  keep(of: readonly unknown[], view: View, size: Size, density: number, painter: Painter): void {
    const [across, down] = [Math.round(size.width * MARGIN), Math.round(size.height * MARGIN)];
    this.#size = { width: size.width + 2 * across, height: size.height + 2 * down };
    this.#view = { ...view, x: view.x - across / view.scale, y: view.y - down / view.scale };
    this.#of = of;
    this.#canvas.width = Math.round(this.#size.width * density);
    this.#canvas.height = Math.round(this.#size.height * density);
    const context = this.#canvas.getContext("2d", { alpha: false });
    if (context) painter(context, this.#view, this.#size);
  }

  /** Put it where the view wants it; the rest is ground. */
  put(context: CanvasRenderingContext2D, view: View, density: number, ground: string): void {
    if (!this.#view) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = ground;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    const blown = view.scale / this.#view.scale;
    const shift = (from: number, to: number): number => (from - to) * view.scale * density;
    context.drawImage(
      this.#canvas,
      shift(this.#view.x, view.x),
      shift(this.#view.y, view.y),
      this.#canvas.width * blown,
      this.#canvas.height * blown,
    );
  }
}

function common(one: Box, other: Box): Box {
  const [x, y] = [Math.max(one.x, other.x), Math.max(one.y, other.y)];
  return {
    x,
    y,
    width: Math.max(0, Math.min(one.x + one.width, other.x + other.width) - x),
    height: Math.max(0, Math.min(one.y + one.height, other.y + other.height) - y),
  };
}

function holds(outer: Box, inner: Box): boolean {
  if (!inner.width || !inner.height) return true;
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}
