/** The map as a file. */

import { keep } from "../api/download";
import { around } from "./geometry";
import { paint, sceneOf } from "./paint";
import type { Palette } from "./palette";
import type { Answer, Picture } from "./picture";
import { svgOf } from "./svg";

export type Form = "png" | "svg" | "json";

/** Pixels of a picture's longer side, at most: browsers make no larger ones. */
const LARGEST = 8000;
const MARGIN = 32;

/** What is shown, whole, whatever part of it is in sight. */
export async function save(
  form: Form,
  answer: Answer,
  picture: Picture,
  palette: Palette,
  title: string,
): Promise<void> {
  const name = `fairway-map-${answer.until.slice(0, 19).replaceAll(":", "")}.${form}`;
  if (form === "json") keep(new Blob([JSON.stringify(answer)], { type: "application/json" }), name);
  else if (form === "svg") keep(new Blob([svgOf(picture, palette, title)], { type: "image/svg+xml" }), name);
  else keep(await png(picture, palette), name);
}

async function png(picture: Picture, palette: Palette): Promise<Blob> {
  const whole = around([
    ...picture.bars.map((bar) => bar.box),
    ...picture.grounds.map((ground) => ground.box),
  ]) ?? {
    x: 0,
    y: 0,
    width: 1,
    height: 1,
  };
  const size = { width: whole.width + 2 * MARGIN, height: whole.height + 2 * MARGIN };
  const density = Math.min(2, LARGEST / Math.max(size.width, size.height));
  const canvas = new OffscreenCanvas(Math.ceil(size.width * density), Math.ceil(size.height * density));
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("this browser draws no pictures");
  const scene = sceneOf(picture, null, "", "", new Set());
  const view = { x: whole.x - MARGIN, y: whole.y - MARGIN, scale: 1 };
  paint(context, scene, view, size, palette, density);
  return canvas.convertToBlob({ type: "image/png" });
}
