/** What is under the pointer. */

import { distance, inside, meets, type Box, type Point } from "./geometry";
import type { Arc, Bar, Picture } from "./picture";

const REACH = 6;

/** The bar at a point, else the nearest arc within six pixels of the screen; both in the hub's pixels. */
export function hitAt(picture: Picture, point: Point, scale: number): Bar | Arc | undefined {
  const bar = picture.bars.findLast((one) => !one.whole && inside(one.box, point));
  if (bar) return bar;
  const reach = REACH / scale;
  const spot: Box = { x: point.x - reach, y: point.y - reach, width: 2 * reach, height: 2 * reach };
  let best: Arc | undefined;
  let least = reach;
  for (const arc of picture.arcs) {
    const away = distance(arc.curve, point, reach) - arc.width / 2 / scale;
    if (away <= least) [least, best] = [away, arc];
  }
  return best ?? picture.bars.find((one) => one.whole && meets(one.box, spot) && inside(one.box, point));
}

/** Whether it is an arc. */
export function isArc(hit: Bar | Arc): hit is Arc {
  return "edge" in hit;
}
