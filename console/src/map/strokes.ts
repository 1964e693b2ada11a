/** Arcs as few strokes: those that look alike are drawn at once. */

import { along, type Curve, type Point } from "./geometry";
import { TONES, type Tone } from "./layers";
import type { Arc } from "./picture";

export interface Stroke {
  readonly tone: Tone;
  /** Pixels of the screen, in halves. */
  readonly width: number;
  readonly faded: boolean;
  readonly arcs: readonly Arc[];
}

/** Faded ones first, then by urgency; within, wide ones first. */
export function strokesOf(arcs: readonly Arc[], lit: ReadonlySet<string> | null): readonly Stroke[] {
  const held = new Map<string, { tone: Tone; width: number; faded: boolean; arcs: Arc[] }>();
  for (const arc of arcs) {
    const width = Math.round(2 * arc.width) / 2;
    const faded = lit !== null && !lit.has(arc.id);
    const key = `${arc.tone} ${width} ${faded}`;
    const known = held.get(key);
    if (known) known.arcs.push(arc);
    else held.set(key, { tone: arc.tone, width, faded, arcs: [arc] });
  }
  const rank = (stroke: Stroke) => (stroke.faded ? 0 : 100) + TONES.indexOf(stroke.tone);
  return [...held.values()].sort((one, other) => rank(one) - rank(other) || other.width - one.width);
}

/** Length and half the breadth of an arrow's head, in pixels of the screen. */
export function headOf(width: number): readonly [number, number] {
  return [6 + 1.6 * width, 2.5 + 0.9 * width];
}

/** The corners of an arrow's head at a curve's end; lengths in the hub's pixels. */
export function head(curve: Curve, length: number, half: number): readonly [Point, Point, Point] {
  const [, , control, tip] = curve;
  const far = Math.hypot(tip.x - control.x, tip.y - control.y) || 1;
  const [dx, dy] = [(tip.x - control.x) / far, (tip.y - control.y) / far];
  const [x, y] = [tip.x - dx * length, tip.y - dy * length];
  return [tip, { x: x - dy * half, y: y + dx * half }, { x: x + dy * half, y: y - dx * half }];
}

/** The curve without the length of its arrow's head, so that no line sticks out of the tip. */
export function shortened(curve: Curve, length: number): Curve {
  const [start, one, two, tip] = curve;
  const far = Math.hypot(tip.x - two.x, tip.y - two.y) || 1;
  const share = Math.min(0.9, length / far);
  return [start, one, two, { x: tip.x + (two.x - tip.x) * share, y: tip.y + (two.y - tip.y) * share }];
}

/** The two strokes of a cross on the middle of a curve. */
export function cross(curve: Curve, half: number): readonly (readonly [Point, Point])[] {
  const at = along(curve, 0.5);
  return [
    [
      { x: at.x - half, y: at.y - half },
      { x: at.x + half, y: at.y + half },
    ],
    [
      { x: at.x + half, y: at.y - half },
      { x: at.x - half, y: at.y + half },
    ],
  ];
}

/** How wide a stroke is drawn: thin signs stay thin. */
export function drawn(width: number, thin: boolean): number {
  return thin ? Math.max(1, Math.min(width, 3) * 0.6) : width;
}
