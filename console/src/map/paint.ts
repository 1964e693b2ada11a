/** Draws a picture on a canvas. */

import { meets, hullOf, along, type Box } from "./geometry";
import { drawingOf, sortOf } from "./glyphs";
import { SIGNS, type Tone } from "./layers";
import { colourOf, type Palette } from "./palette";
import type { Arc, Bar, Picture } from "./picture";
import { cross, drawn, head, headOf, shortened, strokesOf, type Stroke } from "./strokes";
import { sightOf, type Size, type View } from "./view";
import { many } from "../show/units";

/** On the screen, or for a file. */
type Brush = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

export interface Scene {
  readonly picture: Picture;
  readonly strokes: readonly Stroke[];
  /** Ids that do not fade; null: nothing fades. */
  readonly lit: ReadonlySet<string> | null;
  readonly pick: string;
  /** What the pointer or the keyboard is at. */
  readonly at: string;
  /** Ids that a search found. */
  readonly found: ReadonlySet<string>;
}

export function sceneOf(
  picture: Picture,
  lit: ReadonlySet<string> | null,
  pick: string,
  at: string,
  found: ReadonlySet<string>,
): Scene {
  return { picture, strokes: strokesOf(picture.arcs, lit), lit, pick, at, found };
}

const FADED = 0.1;
/** What asks for nothing lets shine through what lies below, the more the more there is of it. */
const CALM: ReadonlySet<Tone> = new Set(["plain", "allowed", "unknown", "unprotected", "crossing"]);
const opacityOf = (tone: Tone, arcs: number) =>
  CALM.has(tone) ? Math.max(0.25, Math.min(tone === "plain" ? 0.6 : 0.85, 10 / Math.sqrt(arcs))) : 0.9;
const LEGIBLE = 6.5;
const CORNER = 4;
const GLYPHS = new Map<string, Path2D>();

/** Paint all of it; `density` is pixels of the canvas for one of the screen. */
export function paint(
  ctx: Brush,
  scene: Scene,
  view: View,
  size: Size,
  palette: Palette,
  density: number,
): void {
  const { scale } = view;
  ctx.setTransform(density, 0, 0, density, 0, 0);
  ctx.fillStyle = colourOf(palette, "--ground");
  ctx.fillRect(0, 0, size.width, size.height);
  ctx.setTransform(
    density * scale,
    0,
    0,
    density * scale,
    -view.x * scale * density,
    -view.y * scale * density,
  );
  const sight = sightOf(view, size);
  grounds(ctx, scene, sight, palette, scale);
  for (const stroke of scene.strokes) if (stroke.faded) arcs(ctx, stroke, scene, sight, palette, scale);
  for (const stroke of scene.strokes) if (!stroke.faded) arcs(ctx, stroke, scene, sight, palette, scale);
  chosenArc(ctx, scene, palette, scale);
  for (const bar of scene.picture.bars) if (meets(bar.box, sight)) paintBar(ctx, bar, scene, palette, scale);
  ports(ctx, scene, sight, palette, scale);
  ctx.globalAlpha = 1;
}

function grounds(ctx: Brush, scene: Scene, sight: Box, palette: Palette, scale: number): void {
  const whole = new Set(scene.picture.bars.filter((bar) => bar.whole).map((bar) => bar.node.namespace));
  for (const { namespace, box } of scene.picture.grounds) {
    if (!meets(box, sight)) continue;
    ctx.beginPath();
    ctx.roundRect(box.x, box.y, box.width, box.height, 6);
    ctx.fillStyle = colourOf(palette, "--surface");
    ctx.fill();
    ctx.lineWidth = 1 / scale;
    ctx.strokeStyle = colourOf(palette, "--line");
    ctx.stroke();
    if (whole.has(namespace)) continue;
    const letters = Math.max(13, Math.min(11 / scale, 26));
    ctx.font = `600 ${letters}px ${palette.sans}`;
    ctx.fillStyle = colourOf(palette, "--quiet");
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    if (letters * scale >= LEGIBLE) ctx.fillText(cut(ctx, namespace, box.width - 24), box.x + 12, box.y + 18);
  }
}

function arcs(ctx: Brush, stroke: Stroke, scene: Scene, sight: Box, palette: Palette, scale: number): void {
  const sign = SIGNS[stroke.tone];
  const width = drawn(stroke.width, sign.thin);
  const [length, half] = headOf(width).map((pixels) => pixels / scale) as [number, number];
  const shown = stroke.arcs.filter((arc) => meets(hullOf(arc.curve), sight));
  ctx.globalAlpha = stroke.faded ? FADED : opacityOf(stroke.tone, scene.picture.arcs.length);
  ctx.strokeStyle = ctx.fillStyle = colourOf(palette, sign.colour);
  ctx.lineCap = "butt";
  ctx.setLineDash(sign.dashes.map((pixels) => pixels / scale));
  ctx.beginPath();
  for (const arc of shown) trace(ctx, arc, length);
  ctx.lineWidth = (sign.double ? width + 2 : width) / scale;
  ctx.stroke();
  if (sign.double) {
    ctx.globalAlpha = stroke.faded ? FADED : 1;
    ctx.strokeStyle = colourOf(palette, "--surface");
    ctx.lineWidth = Math.max(1, width * 0.4) / scale;
    ctx.stroke();
    ctx.strokeStyle = colourOf(palette, sign.colour);
  }
  ctx.setLineDash([]);
  ctx.beginPath();
  for (const arc of shown) {
    const [tip, left, right] = head(arc.curve, length, half);
    ctx.moveTo(tip.x, tip.y);
    ctx.lineTo(left.x, left.y);
    ctx.lineTo(right.x, right.y);
  }
  ctx.fill();
  if (sign.crossed) crosses(ctx, shown, scale);
  ctx.globalAlpha = 1;
}

function trace(ctx: Brush, arc: Arc, length: number): void {
  const [start, one, two, end] = shortened(arc.curve, length * 0.8);
  ctx.moveTo(start.x, start.y);
  ctx.bezierCurveTo(one.x, one.y, two.x, two.y, end.x, end.y);
}

function crosses(ctx: Brush, shown: readonly Arc[], scale: number): void {
  ctx.beginPath();
  for (const arc of shown) {
    for (const [from, to] of cross(arc.curve, 5 / scale)) {
      ctx.moveTo(from.x, from.y);
      ctx.lineTo(to.x, to.y);
    }
  }
  ctx.lineWidth = 2 / scale;
  ctx.stroke();
}

/** The arc that is picked or pointed at has a halo. */
function chosenArc(ctx: Brush, scene: Scene, palette: Palette, scale: number): void {
  for (const arc of scene.picture.arcs) {
    if (arc.id !== scene.pick && arc.id !== scene.at) continue;
    ctx.globalAlpha = 0.35;
    ctx.strokeStyle = colourOf(palette, "--picked");
    ctx.lineWidth = (arc.width + 7) / scale;
    ctx.beginPath();
    trace(ctx, arc, 0);
    ctx.stroke();
    ctx.globalAlpha = 1;
  }
}

function paintBar(ctx: Brush, bar: Bar, scene: Scene, palette: Palette, scale: number): void {
  const { box } = bar;
  const picked = bar.id === scene.pick;
  const strong = picked || bar.id === scene.at || scene.found.has(bar.id);
  ctx.globalAlpha = scene.lit && !scene.lit.has(bar.id) ? 0.28 : 1;
  ctx.beginPath();
  ctx.roundRect(box.x, box.y, box.width, box.height, bar.whole ? 6 : CORNER);
  const ground = bar.whole ? "--raised" : "--ground";
  ctx.fillStyle = colourOf(palette, picked ? "--picked-ground" : ground);
  ctx.fill();
  ctx.lineWidth = (strong ? 2 : 1) / Math.min(1, scale);
  ctx.strokeStyle = colourOf(palette, strong ? "--picked" : "--edge");
  ctx.stroke();
  if (bar.whole) block(ctx, bar, palette, scale);
  else label(ctx, bar, palette, scale);
  ctx.globalAlpha = 1;
}

/** A collapsed namespace: its name and what it stands for, as large as there is room. */
function block(ctx: Brush, bar: Bar, palette: Palette, scale: number): void {
  const { box, node } = bar;
  const letters = Math.min(Math.max(15, 13 / scale), box.width / 8, box.height / 3.4);
  if (letters * scale < LEGIBLE) return;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.font = `600 ${letters}px ${palette.sans}`;
  ctx.fillStyle = colourOf(palette, "--ink");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  ctx.fillText(cut(ctx, bar.title, box.width - letters), x, y - letters * 0.55);
  ctx.font = `${letters * 0.85}px ${palette.sans}`;
  ctx.fillStyle = colourOf(palette, "--quiet");
  ctx.fillText(cut(ctx, many(node.members, "workload"), box.width - letters), x, y + letters * 0.75);
}

function label(ctx: Brush, bar: Bar, palette: Palette, scale: number): void {
  const { box, node } = bar;
  const y = box.y + box.height / 2;
  if (13 * scale < LEGIBLE) return;
  ring(ctx, node.protection, box.x + 14, y, palette);
  const sort = sortOf(node);
  const glyph = GLYPHS.get(sort) ?? new Path2D(drawingOf(sort));
  GLYPHS.set(sort, glyph);
  ctx.save();
  ctx.translate(box.x + 14 - 5.1, y - 5.1);
  ctx.scale(0.85, 0.85);
  ctx.lineWidth = 1.2;
  ctx.strokeStyle = colourOf(palette, "--quiet");
  ctx.stroke(glyph);
  ctx.restore();
  ctx.textBaseline = "middle";
  ctx.font = `12px ${palette.sans}`;
  const room = bar.mark ? ctx.measureText(bar.mark).width + 6 : 0;
  if (bar.mark) {
    ctx.textAlign = "right";
    ctx.fillStyle = colourOf(palette, "--quiet");
    ctx.fillText(bar.mark, box.x + box.width - 8, y + 0.5);
  }
  ctx.textAlign = "left";
  ctx.font = `13px ${palette.sans}`;
  ctx.fillStyle = colourOf(palette, "--ink");
  ctx.fillText(cut(ctx, bar.title, box.width - 38 - room), box.x + 28, y + 0.5);
}

/** Around the glyph: the left half where a policy isolates what comes in, the right half what goes out. */
function ring(ctx: Brush, protection: string, x: number, y: number, palette: Palette): void {
  if (protection === "unknown") return;
  for (const [half, word] of [
    [Math.PI / 2, "ingress"],
    [-Math.PI / 2, "egress"],
  ] as const) {
    const shut = protection === word || protection === "both";
    ctx.beginPath();
    ctx.arc(x, y, 9.5, half + 0.15, half + Math.PI - 0.15);
    ctx.lineWidth = shut ? 2.4 : 1;
    ctx.strokeStyle = colourOf(palette, shut ? "--allowed" : "--edge");
    ctx.stroke();
  }
}

/** Ports, where there is room for them, or where an arc is picked or pointed at. */
function ports(ctx: Brush, scene: Scene, sight: Box, palette: Palette, scale: number): void {
  const letters = 11 / scale;
  ctx.font = `${letters}px ${palette.sans}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const arc of scene.picture.arcs) {
    const chosen = arc.id === scene.pick || arc.id === scene.at;
    const wanted =
      chosen || (scale >= 1.4 && scene.strokes.length > 0 && (!scene.lit || scene.lit.has(arc.id)));
    if (!wanted || !meets(hullOf(arc.curve), sight)) continue;
    const at = along(arc.curve, 0.5);
    const text = portsOf(arc);
    if (!text) continue;
    const width = ctx.measureText(text).width + letters;
    ctx.fillStyle = colourOf(palette, "--ground");
    ctx.globalAlpha = 0.9;
    ctx.fillRect(at.x - width / 2, at.y - letters * 0.8, width, letters * 1.6);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colourOf(palette, "--ink");
    ctx.fillText(text, at.x, at.y);
  }
}

function portsOf(arc: Arc): string {
  const [first, ...more] = arc.edge.ports;
  return more.length ? `${first} +${more.length}` : (first ?? "");
}

const CUTS = new Map<string, string>();

/** As much of a text as has room. */
function cut(ctx: Brush, text: string, width: number): string {
  const key = `${ctx.font} ${Math.round(width)} ${text}`;
  const known = CUTS.get(key);
  if (known !== undefined) return known;
  let shown = text;
  while (shown.length > 1 && ctx.measureText(shown).width > width) {
    shown = `${shown.replace(/…$/, "").slice(0, -1)}…`;
  }
  if (CUTS.size > 20_000) CUTS.clear();
  CUTS.set(key, shown);
  return shown;
}
