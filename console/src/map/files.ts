/** The map as a file. */

import { keep } from "../api/download";
import { paint, sceneOf } from "./paint";
import type { Palette } from "./palette";
import { extentOf, type Answer, type Picture } from "./picture";
import { svgOf } from "./svg";

export type Form = "png" | "svg" | "json";

/** Pixels of a picture's longer side, at most: browsers make no larger ones. */
const LARGEST = 8000;

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
  const size = extentOf(picture);
  const density = Math.min(2, LARGEST / Math.max(size.width, size.height));
  const canvas = new OffscreenCanvas(Math.ceil(size.width * density), Math.ceil(size.height * density));
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("this browser draws no pictures");
  const scene = sceneOf(picture, null, "", "", new Set());
  const view = { x: size.x, y: size.y, scale: 1 };
  paint(context, scene, view, size, palette, density);
  return canvas.convertToBlob({ type: "image/png" });
}
