/** The hub's answer as a picture: bars, arcs between them, and who is near whom. */

import type { Schemas } from "../api/ask";
import { around, curveOf, type Box, type Curve } from "./geometry";
import { LAYERS, TONES, type LayerKey, type Tone } from "./layers";
import { UNKNOWN } from "../show/units";
import { METRICS, type MapEdge, type MetricKey } from "./metrics";

export type Answer = Schemas["Map"];
export type Placed = Schemas["Placed"];

export interface Bar {
  readonly id: string;
  readonly node: Placed;
  readonly box: Box;
  /** Without namespace and kind: `ui`. */
  readonly title: string;
  /** At its other end: its coverage, where that is asked for, and how many it stands for. */
  readonly mark: string;
  /** It is a namespace, drawn as its whole block. */
  readonly whole: boolean;
}

export interface Arc {
  /** `CLIENT>SERVER`, of ids. */
  readonly id: string;
  readonly edge: MapEdge;
  readonly client: Bar;
  readonly server: Bar;
  readonly curve: Curve;
  readonly tone: Tone;
  /** Null where the metric is not known. */
  readonly value: number | null;
  /** Pixels of the screen. */
  readonly width: number;
}

export interface Ground {
  readonly namespace: string;
  readonly box: Box;
}

export interface Picture {
  readonly grounds: readonly Ground[];
  readonly bars: readonly Bar[];
  /** The most urgent last. */
  readonly arcs: readonly Arc[];
  readonly byId: ReadonlyMap<string, Bar>;
  /** By a bar's id. */
  readonly arcsOf: ReadonlyMap<string, readonly Arc[]>;
  /** The largest value of the metric, of all edges. */
  readonly most: number;
  /** Edges that are below the threshold. */
  readonly hidden: number;
}

/** Coverage of workloads, 0 to 100, by `shop/ui`; null where nothing can be said yet. */
export type Scores = ReadonlyMap<string, number | null>;

export interface Shown {
  readonly layer: LayerKey;
  readonly metric: MetricKey;
  /** Edges with less of the metric are left out, and who has no edge then. */
  readonly least: number;
  readonly scores?: Scores;
}

export const THINNEST = 1;
export const WIDEST = 8;
const MARGIN = 32;

/** Square root of its share of the most, 1 to 8 pixels. */
export function widthOf(value: number | null, most: number): number {
  if (value === null || most <= 0) return THINNEST;
  return THINNEST + (WIDEST - THINNEST) * Math.sqrt(Math.max(0, value) / most);
}

export function pictureOf(answer: Answer, shown: Shown): Picture {
  // Pods that hang from their workload lie above what they cover.
  const nodes = [...answer.nodes].sort((one, other) => Number(!!one.replica) - Number(!!other.replica));
  const bars = new Map(nodes.map((node) => [node.id, barOf(node, shown.scores)]));
  const value = METRICS[shown.metric].of;
  const most = answer.edges.reduce((held, edge) => Math.max(held, value(edge) ?? 0), 0);
  const pairs = new Set(answer.edges.map((edge) => idOf(edge)));
  const arcs: Arc[] = [];
  for (const edge of answer.edges) {
    const [client, server] = [bars.get(edge.client), bars.get(edge.server)];
    const amount = value(edge);
    if (!client || !server || (shown.least > 0 && (amount ?? 0) < shown.least)) continue;
    const mirrored = edge.client !== edge.server && pairs.has(`${edge.server}>${edge.client}`);
    arcs.push({
      id: idOf(edge),
      edge,
      client,
      server,
      curve: curveOf(client.box, server.box, mirrored),
      tone: LAYERS[shown.layer].of(edge),
      value: amount,
      width: widthOf(amount, most),
    });
  }
  arcs.sort((one, other) => TONES.indexOf(one.tone) - TONES.indexOf(other.tone) || other.width - one.width);
  const arcsOf = new Map<string, Arc[]>();
  for (const arc of arcs) {
    for (const id of new Set([arc.client.id, arc.server.id])) {
      const held = arcsOf.get(id);
      if (held) held.push(arc);
      else arcsOf.set(id, [arc]);
    }
  }
  const kept = shown.least > 0 ? [...bars.values()].filter((bar) => arcsOf.has(bar.id)) : [...bars.values()];
  const spaces = new Set(kept.map((bar) => bar.node.namespace));
  return {
    grounds: answer.blocks.filter((block) => spaces.has(block.namespace)),
    bars: kept,
    arcs,
    byId: new Map(kept.map((bar) => [bar.id, bar])),
    arcsOf,
    most,
    hidden: answer.edges.length - arcs.length,
  };
}

/** All that is drawn, with a margin around it. */
export function extentOf({ bars, grounds }: Pick<Picture, "bars" | "grounds">): Box {
  const whole = around([...bars, ...grounds].map(({ box }) => box)) ?? { x: 0, y: 0, width: 1, height: 1 };
  return {
    x: whole.x - MARGIN,
    y: whole.y - MARGIN,
    width: whole.width + 2 * MARGIN,
    height: whole.height + 2 * MARGIN,
  };
}

export function idOf(edge: MapEdge): string {
  return `${edge.client}>${edge.server}`;
}

function barOf(node: Placed, scores?: Scores): Bar {
  const whole = node.kind === "namespace";
  const title = titleOf(node);
  const score = node.replica ? undefined : scores?.get(`${node.namespace}/${title}`);
  return {
    id: node.id,
    node,
    box: whole ? cardOf(node.box) : node.box,
    title,
    mark: [coverageOf(score), numberOf(node)].filter(Boolean).join(" "),
    whole,
  };
}

function coverageOf(score: number | null | undefined): string {
  if (score === undefined) return "";
  return score === null ? UNKNOWN : `${score}%`;
}

function numberOf(node: Placed): string {
  if (node.replicas > 1) return `×${node.replicas}`;
  return node.members > 1 ? String(node.members) : "";
}

/** A collapsed namespace leaves room around it on its block, for the lines between blocks. */
export function cardOf(block: Box): Box {
  const [width, height] = [block.width * 0.58, Math.min(block.height * 0.42, block.width * 0.3)];
  return {
    x: block.x + (block.width - width) / 2,
    y: block.y + (block.height - height) / 2,
    width,
    height,
  };
}

/** A workload as the hub and the URL name it: `shop/Deployment/ui`; "" for what is none. */
export function workloadOf(node: Placed): string {
  return node.kind === "pod" ? `${node.namespace}/${node.name}` : "";
}

/** What stands on a bar. */
export function titleOf(node: Placed): string {
  if (node.replica) return node.replica;
  return node.kind === "pod" ? node.name.slice(node.name.indexOf("/") + 1) : node.name;
}

/** The same where its namespace is not in sight: `shop/ui`. */
export function fullTitleOf(node: Placed): string {
  if (node.kind === "namespace") return `namespace ${node.name}`;
  const title = node.namespace ? `${node.namespace}/${titleOf(node)}` : titleOf(node);
  return node.kind === "service" ? `Service ${title}` : title;
}

/** Ids of the pods that an unfolded workload is shown as. */
export function podsOf(picture: Picture, { node }: Bar): readonly string[] {
  if (node.replica || !workloadOf(node)) return [];
  return picture.bars
    .filter((bar) => bar.node.replica && workloadOf(bar.node) === workloadOf(node))
    .map((bar) => bar.id);
}

/** Who is within so many hops of a pick: ids of bars and arcs. Null picks nothing, and nothing fades. */
export function near(picture: Picture, pick: string, hops: number): ReadonlySet<string> | null {
  const arc = picture.arcs.find((one) => one.id === pick);
  if (arc) return new Set([arc.id, arc.client.id, arc.server.id]);
  const picked = picture.byId.get(pick);
  if (!picked) return null;
  let edge = [pick, ...podsOf(picture, picked)];
  const found = new Set(edge);
  for (let hop = 0; hop < hops; hop += 1) {
    const next: string[] = [];
    for (const id of edge) {
      for (const one of picture.arcsOf.get(id) ?? []) {
        found.add(one.id);
        for (const other of [one.client.id, one.server.id]) {
          if (!found.has(other)) {
            found.add(other);
            next.push(other);
          }
        }
      }
    }
    edge = next;
  }
  return found;
}
