/** The picture as a drawing in a file: what the canvas shows, all of it, at a scale of one. */

import { many } from "../show/units";
import type { Curve } from "./geometry";
import { drawingOf, sortOf } from "./glyphs";
import { SIGNS } from "./layers";
import type { Palette } from "./palette";
import { extentOf, type Bar, type Picture } from "./picture";
import { cross, drawn, head, headOf, shortened, strokesOf, type Stroke } from "./strokes";

export function svgOf(picture: Picture, palette: Palette, title: string): string {
  const { x, y, width, height } = extentOf(picture);
  const colour = (name: string) => palette[name] ?? "";
  const collapsed = new Set(picture.bars.filter((bar) => bar.whole).map((bar) => bar.node.namespace));
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${x} ${y} ${width} ${height}" font-family="${safe(palette.sans ?? "")}" font-size="13">`,
    `<title>${safe(title)}</title>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${colour("--ground")}"/>`,
    ...picture.grounds.flatMap(({ namespace, box }) => [
      `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="6" fill="${colour("--surface")}" stroke="${colour("--line")}"/>`,
      collapsed.has(namespace)
        ? ""
        : `<text x="${box.x + 12}" y="${box.y + 22}" font-weight="600" fill="${colour("--quiet")}">${safe(namespace)}</text>`,
    ]),
    ...strokesOf(picture.arcs, null).flatMap((stroke) => lines(stroke, palette)),
    ...picture.bars.flatMap((bar) => drawnBar(bar, palette)),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function lines(stroke: Stroke, palette: Palette): string[] {
  const sign = SIGNS[stroke.tone];
  const width = drawn(stroke.width, sign.thin);
  const [length, half] = headOf(width);
  const colour = palette[sign.colour] ?? "";
  const path = stroke.arcs.map((arc) => traced(shortened(arc.curve, length * 0.8))).join("");
  const dashes = sign.dashes.length ? ` stroke-dasharray="${sign.dashes.join(" ")}"` : "";
  const line = (ink: string, size: number) =>
    `<path d="${path}" fill="none" stroke="${ink}" stroke-width="${size}"${dashes}/>`;
  const heads = stroke.arcs
    .map(
      (arc) =>
        `M${head(arc.curve, length, half)
          .map(({ x, y }) => `${at(x)} ${at(y)}`)
          .join("L")}Z`,
    )
    .join("");
  const crosses = stroke.arcs
    .flatMap((arc) => cross(arc.curve, 5))
    .map(([from, to]) => `M${at(from.x)} ${at(from.y)}L${at(to.x)} ${at(to.y)}`)
    .join("");
  return [
    line(colour, sign.double ? width + 2 : width),
    ...(sign.double ? [line(palette["--surface"] ?? "", Math.max(1, width * 0.4))] : []),
    `<path d="${heads}" fill="${colour}"/>`,
    ...(sign.crossed ? [`<path d="${crosses}" fill="none" stroke="${colour}" stroke-width="2"/>`] : []),
  ];
}

function traced([start, one, two, end]: Curve): string {
  return `M${at(start.x)} ${at(start.y)}C${at(one.x)} ${at(one.y)} ${at(two.x)} ${at(two.y)} ${at(end.x)} ${at(end.y)}`;
}

function drawnBar({ box, node, title, mark, whole }: Bar, palette: Palette): string[] {
  const colour = (name: string) => palette[name] ?? "";
  const [middle, centre] = [box.y + box.height / 2, box.x + box.width / 2];
  const frame = `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="4" fill="${colour(whole ? "--raised" : "--ground")}" stroke="${colour("--edge")}"/>`;
  if (whole) {
    return [
      frame,
      `<text x="${centre}" y="${middle - 2}" text-anchor="middle" font-weight="600" fill="${colour("--ink")}">${safe(title)}</text>`,
      `<text x="${centre}" y="${middle + 16}" text-anchor="middle" fill="${colour("--quiet")}">${many(node.members, "workload")}</text>`,
    ];
  }
  return [
    frame,
    `<path transform="translate(${box.x + 8.9} ${middle - 5.1}) scale(0.85)" d="${drawingOf(sortOf(node))}" fill="none" stroke="${colour("--quiet")}" stroke-width="1.2"/>`,
    `<text x="${box.x + 28}" y="${middle + 4.5}" fill="${colour("--ink")}">${safe(title.length > 19 ? `${title.slice(0, 18)}…` : title)}</text>`,
    ...(mark
      ? [
          `<text x="${box.x + box.width - 8}" y="${middle + 4.5}" text-anchor="end" font-size="12" fill="${colour("--quiet")}">${mark}</text>`,
        ]
      : []),
  ];
}

function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function safe(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
