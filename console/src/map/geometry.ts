/** Where things are: boxes, the curves between them, and what is at a point. Lengths are the hub's pixels. */

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A cubic Bézier curve: two ends, two controls. */
export type Curve = readonly [Point, Point, Point, Point];

const BEND = 36;
const APART = 3;
/** How far from its middle a line leaves a side, as a share of the side, and the way at which it is half of that. */
const SPREAD = 0.36;
const HALFWAY = 160;

/** From client to server: out at the side that faces it. A pair that talks both ways has two curves apart. */
export function curveOf(client: Box, server: Box, mirrored: boolean): Curve {
  if (client === server) return loop(client);
  const [from, to] = [middle(client), middle(server)];
  // Of two that talk to each other, each lies to its own right.
  const apart = mirrored ? (from.x <= to.x ? -APART : APART) : 0;
  const facing = Math.sign(to.x - from.x) || 1;
  const gap = facing > 0 ? server.x - (client.x + client.width) : client.x - (server.x + server.width);
  if (gap >= 8) {
    const start = { x: side(client, facing), y: from.y + spread(client, to.y - from.y) + apart };
    const end = { x: side(server, -facing), y: to.y + spread(server, from.y - to.y) + apart };
    const bend = Math.max(BEND, Math.abs(end.x - start.x) * 0.4) * facing;
    return [start, { x: start.x + bend, y: start.y }, { x: end.x - bend, y: end.y }, end];
  }
  return above(client, server, mirrored);
}

/** One above the other: out and in on the same side, in a bow. */
function above(client: Box, server: Box, mirrored: boolean): Curve {
  const [from, to] = [middle(client), middle(server)];
  const right = !mirrored || from.y < to.y ? 1 : -1;
  const start = { x: side(client, right), y: from.y + spread(client, to.y - from.y) };
  const end = { x: side(server, right), y: to.y + spread(server, from.y - to.y) };
  const bow = right * (BEND + Math.min(60, Math.abs(to.y - from.y) * 0.15));
  const far = right > 0 ? Math.max(start.x, end.x) + bow : Math.min(start.x, end.x) + bow;
  return [start, { x: far, y: start.y }, { x: far, y: end.y }, end];
}

/** What moves within a collapsed namespace: out at the top and in at the right of the same corner. */
function loop(box: Box): Curve {
  const corner = { x: box.x + box.width, y: box.y };
  const reach = 34;
  return [
    { x: corner.x - 22, y: corner.y },
    { x: corner.x - 22, y: corner.y - reach },
    { x: corner.x + reach, y: corner.y + 22 },
    { x: corner.x, y: corner.y + 22 },
  ];
}

export function middle(box: Box): Point {
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Who is above is reached from the upper part of a side. This depends on the two alone, so that a line stays where
 * it is whoever else comes. */
function spread(box: Box, way: number): number {
  return (SPREAD * box.height * way) / (Math.abs(way) + HALFWAY);
}

function side(box: Box, facing: number): number {
  return facing > 0 ? box.x + box.width : box.x;
}

/** The point at `t`, 0 to 1, of a curve. */
export function along(curve: Curve, t: number): Point {
  const u = 1 - t;
  const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  const [p, q, r, s] = curve;
  return { x: a * p.x + b * q.x + c * r.x + d * s.x, y: a * p.y + b * q.y + c * r.y + d * s.y };
}

/** The least distance of a point to a curve, near enough to point at it; Infinity beyond `reach` of its hull. */
export function distance(curve: Curve, point: Point, reach: number): number {
  const hull = hullOf(curve);
  if (!inside(hull, point, reach)) return Infinity;
  let least = Infinity;
  let before = curve[0];
  for (let step = 1; step <= 24; step += 1) {
    const next = along(curve, step / 24);
    least = Math.min(least, toSegment(point, before, next));
    before = next;
  }
  return least;
}

function toSegment(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const t = length ? ((point.x - from.x) * dx + (point.y - from.y) * dy) / length : 0;
  const at = Math.max(0, Math.min(1, t));
  return Math.hypot(point.x - from.x - at * dx, point.y - from.y - at * dy);
}

/** A box that holds the whole curve. */
export function hullOf(curve: Curve): Box {
  const xs = curve.map((point) => point.x);
  const ys = curve.map((point) => point.y);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

export function inside(box: Box, point: Point, margin = 0): boolean {
  return (
    point.x >= box.x - margin &&
    point.x <= box.x + box.width + margin &&
    point.y >= box.y - margin &&
    point.y <= box.y + box.height + margin
  );
}

export function meets(one: Box, other: Box): boolean {
  return (
    one.x <= other.x + other.width &&
    other.x <= one.x + one.width &&
    one.y <= other.y + other.height &&
    other.y <= one.y + one.height
  );
}

/** The box around all of them; null of none. */
export function around(boxes: readonly Box[]): Box | null {
  if (boxes.length === 0) return null;
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const box of boxes) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Whichever of the boxes lies next from one in a direction; what lies askew counts as farther. */
export function nextFrom<T extends { readonly box: Box }>(
  all: readonly T[],
  from: T | undefined,
  dx: number,
  dy: number,
): T | undefined {
  if (!from) return all[0];
  const start = middle(from.box);
  let best: T | undefined;
  let least = Infinity;
  for (const one of all) {
    const at = middle(one.box);
    const ahead = (at.x - start.x) * dx + (at.y - start.y) * dy;
    const askew = Math.abs((at.x - start.x) * dy) + Math.abs((at.y - start.y) * dx);
    if (one === from || ahead <= 1) continue;
    if (ahead + 3 * askew < least) [least, best] = [ahead + 3 * askew, one];
  }
  return best;
}
