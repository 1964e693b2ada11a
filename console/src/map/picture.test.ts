import { describe, expect, it } from "vitest";

import { collapseOf, choiceOf, folded, leastOf, stepOf } from "./choice";
import { hitAt } from "./hits";
import { LAYERS } from "./layers";
import type { MapEdge } from "./metrics";
import { METRICS, money } from "./metrics";
import { along } from "./geometry";
import { near, pictureOf, widthOf, type Answer, type Placed, type Scores } from "./picture";
import { sentenceOf } from "./sentence";
import { cross, head, strokesOf } from "./strokes";
import { svgOf } from "./svg";
import { joined, termsOf, termsOfArc } from "./terms";

const place = (name: string, x: number, y: number, more: Partial<Placed> = {}): Placed => ({
  id: `pod shop/Deployment/${name}`,
  kind: "pod",
  namespace: "shop",
  name: `Deployment/${name}`,
  replica: "",
  node: "",
  members: 1,
  sent_bytes: 0,
  received_bytes: 0,
  replicas: 2,
  protection: "open",
  box: { x, y, width: 160, height: 28 },
  ...more,
});

const NOTHING: Omit<MapEdge, "client" | "server"> = {
  ports: ["TCP 8080"],
  services: [],
  categories: ["intra-zone"],
  connections: 1,
  sent_bytes: 0,
  received_bytes: 0,
  sent_packets: 0,
  received_packets: 0,
  failed: 0,
  resets: 0,
  severed: 0,
  retransmissions: 0,
  handshake_retransmissions: 0,
  timeouts: 0,
  handshake_timeouts: 0,
  denied: 0,
  would_deny: 0,
  unjudged: 0,
  cross_zone_bytes: 0,
  unpriced_bytes: 0,
  cost: 0,
  members: 1,
  standing: "unprotected",
  rules: [],
};

const [UI, CART, DB, WEB] = [
  place("ui", 0, 0),
  place("cart", 200, 0),
  place("db", 400, 0),
  place("web", -300, 0, {
    id: "external 192.0.2.0/24",
    kind: "external",
    namespace: "",
    name: "192.0.2.0/24",
  }),
] as const;
const edge = (client: Placed, server: Placed, more: Partial<MapEdge> = {}): MapEdge => ({
  ...NOTHING,
  client: client.id,
  server: server.id,
  ...more,
});

function answer(edges: MapEdge[], nodes: readonly Placed[] = [UI, CART, DB, WEB]): Answer {
  return {
    since: "2026-01-01T00:00:00Z",
    until: "2026-01-01T01:00:00Z",
    currency: "USD",
    collapsed: [],
    blocks: [{ namespace: "shop", box: { x: -24, y: -44, width: 800, height: 200 } }],
    nodes: [...nodes],
    edges,
    totals: {
      nodes: nodes.length,
      edges: edges.length,
      bytes: 4_100_000_000,
      cross_zone_bytes: 0,
      unpriced_bytes: 0,
      cost: 0,
      denied_edges: 0,
      would_deny_edges: 0,
      unjudged_edges: 0,
      unprotected_edges: edges.filter((one) => one.standing === "unprotected").length,
    },
  };
}

const CHAIN = [
  edge(WEB, UI, { sent_bytes: 100 }),
  edge(UI, CART, { sent_bytes: 10_000 }),
  edge(CART, DB, { sent_bytes: 2500, standing: "denied", denied: 3 }),
];
const shown = { layer: "traffic", metric: "bytes", least: 0 } as const;

describe("a picture", () => {
  it("has lines as wide as the square root of their share", () => {
    const widths = new Map(
      pictureOf(answer(CHAIN), shown).arcs.map((arc) => [arc.edge.sent_bytes, arc.width]),
    );
    expect(widths.get(10_000)).toBe(8);
    expect(widths.get(2500)).toBe(1 + 7 * 0.5);
    expect(widths.get(100)).toBeCloseTo(1 + 7 * 0.1);
    expect([widthOf(null, 5), widthOf(0, 5), widthOf(3, 0)]).toEqual([1, 1, 1]);
  });

  it("leaves out what is below the threshold, and who has no edge then", () => {
    const picture = pictureOf(answer(CHAIN), { ...shown, least: 2500 });
    expect([picture.arcs.length, picture.hidden]).toEqual([2, 1]);
    expect([...picture.byId.keys()]).not.toContain(WEB.id);
  });

  it("puts what is urgent on top", () => {
    const picture = pictureOf(answer(CHAIN), { ...shown, layer: "policy" });
    expect(picture.arcs.at(-1)?.tone).toBe("denied");
    const strokes = strokesOf(picture.arcs, new Set([CART.id]));
    expect(strokes.every((stroke) => stroke.faded)).toBe(true);
    expect(strokes.at(-1)?.tone).toBe("denied");
  });

  it.each([
    [1, 3],
    [2, 5],
    [3, 7],
  ])("of %i hops around one end of a chain shows %i things", (hops, count) => {
    expect(near(pictureOf(answer(CHAIN), shown), WEB.id, hops)?.size).toBe(count);
  });

  it("of a picked edge shows its two ends; of what is not there nothing fades", () => {
    const picture = pictureOf(answer(CHAIN), shown);
    expect(near(picture, `${UI.id}>${CART.id}`, 1)?.size).toBe(3);
    expect(near(picture, "pod gone", 1)).toBeNull();
  });

  it("is hit at bars before lines, and at lines before blocks", () => {
    const whole = place("", 0, 100, {
      id: "namespace data",
      kind: "namespace",
      box: { x: 600, y: -100, width: 200, height: 200 },
    });
    const picture = pictureOf(answer(CHAIN, [UI, CART, DB, WEB, whole]), shown);
    expect(hitAt(picture, { x: 80, y: 14 }, 1)?.id).toBe(UI.id);
    const arc = picture.arcs.find((one) => one.client.id === UI.id);
    expect(arc && hitAt(picture, along(arc.curve, 0.5), 1)?.id).toBe(arc?.id);
    expect(hitAt(picture, { x: 700, y: 0 }, 1)?.id).toBe("namespace data");
    expect(hitAt(picture, { x: 80, y: 400 }, 1)).toBeUndefined();
  });
});

describe("layers", () => {
  it.each([
    [{ retransmissions: 1, sent_packets: 100 }, "strained"],
    [{ retransmissions: 1, sent_packets: 101 }, "plain"],
    [{ failed: 1, connections: 20 }, "failing"],
    [{ failed: 1, connections: 21 }, "plain"],
    [{ severed: 1, connections: 0 }, "failing"],
    [{ timeouts: 1 }, "strained"],
    [{}, "plain"],
  ])("health of %o is %s", (sums, tone) => {
    expect(LAYERS.health.of(edge(UI, DB, sums))).toBe(tone);
  });

  it("cost is unknown, not nothing, where no price fits", () => {
    expect(METRICS.cost.of(edge(UI, DB, { cross_zone_bytes: 7, unpriced_bytes: 7 }))).toBeNull();
    expect(METRICS.cost.of(edge(UI, DB))).toBe(0);
    expect([null, 0, 0.00001, 0.042, 12.345, 1234.5].map((value) => money(value, "USD"))).toEqual([
      "–",
      "0 USD",
      "<0.0001 USD",
      "0.042 USD",
      "12.35 USD",
      "1,235 USD",
    ]);
  });
});

describe("words", () => {
  it("filters mean what was picked", () => {
    const picture = pictureOf(answer(CHAIN), shown);
    const arc = picture.arcs.find((one) => one.client.id === WEB.id);
    expect(arc && termsOfArc(arc, "port=80 or port=81")).toBe(
      "(port=80 or port=81) src.ip=192.0.2.0/24 dst.namespace=shop dst.workload=Deployment/ui",
    );
    expect(termsOf(place("x", 0, 0, { kind: "cloud", namespace: "", name: "S3" }), "dst")).toBe(
      "dst.kind=cloud dst.name=S3",
    );
    expect(termsOf(place("x", 0, 0, { replica: "ui-1" }), "")).toBe("namespace=shop name=ui-1");
    expect(termsOf({ ...WEB, id: "external *", name: "outside" }, "src")).toBe("src.kind=external");
    expect(termsOf({ ...WEB, name: "a, b" }, "src")).toBe('src.name="a, b"');
    expect(joined(" ", "port=1")).toBe("port=1");
  });

  it("one sentence says what there is", () => {
    const told = answer(CHAIN);
    expect(sentenceOf(told, pictureOf(told, { ...shown, least: 2500 }), "1h", "")).toBe(
      "3 workloads, 3 edges, 4.1 GB in the last 1 h; 2 edges unprotected, 1 denied; 1 edge below the threshold.",
    );
  });

  it("a drawing has everything in it, and nobody's markup", () => {
    const evil = place("<script>", 600, 0);
    const svg = svgOf(pictureOf(answer(CHAIN, [UI, CART, DB, WEB, evil]), shown), {}, "a < b");
    expect(svg).not.toContain("<script>");
    for (const text of ["ui", "cart", "192.0.2.0/24", "shop"]) expect(svg).toContain(`>${text}</text>`);
    expect(new Set(svg.match(/NaN|undefined/g))).toEqual(new Set());
  });
});

describe("what the URL says", () => {
  const told = (words: Record<string, string>) => choiceOf((key) => words[key] ?? "");

  it("is nothing for the usual map, and anything else is taken for it", () => {
    const usual = told({});
    expect(
      told({ layer: "x", metric: "toString", hops: "-3", least: "-1", at: "x", grain: "?", view: "?" }),
    ).toEqual(usual);
    expect([usual.layer, usual.metric, collapseOf(usual)]).toEqual(["traffic", "bytes", "auto"]);
    expect(told({ layer: "zones" }).metric).toBe("cross_zone");
  });

  it("folds and unfolds", () => {
    const choice = told({ fold: "a", open: "b,c" });
    expect(folded(choice, "b", true)).toEqual({ fold: "a,b", open: "c" });
    expect(folded(choice, "a", false)).toEqual({ fold: "", open: "a,b,c" });
  });

  it("a threshold goes by the logarithm, and back", () => {
    expect([leastOf(0, 1e9), leastOf(100, 1e9)]).toEqual([0, 1e9]);
    for (const step of [10, 25, 50, 75, 99])
      expect(Math.abs(stepOf(leastOf(step, 1e9), 1e9) - step)).toBeLessThanOrEqual(1);
    expect(stepOf(5, 0)).toBe(0);
  });
});

it("arrows point where the line goes, crosses lie on it", () => {
  const [arc] = pictureOf(answer([edge(UI, CART)]), shown).arcs;
  if (!arc) throw new Error("an edge is an arc");
  const [tip, left, right] = head(arc.curve, 10, 4);
  expect(tip).toEqual(arc.curve[3]);
  expect(left.x).toBeLessThan(tip.x);
  expect(Math.hypot(left.x - right.x, left.y - right.y)).toBeCloseTo(8);
  expect(cross(arc.curve, 5)).toHaveLength(2);
});

it("marks a workload by its coverage where that is asked for, and by its number", () => {
  const marks = (scores?: Scores) =>
    pictureOf(answer(CHAIN), {
      layer: "policy",
      metric: "bytes",
      least: 0,
      ...(scores && { scores }),
    }).bars.map((bar) => `${bar.title} ${bar.mark}`);
  expect(marks()).toContain("ui ×2");
  expect(
    marks(
      new Map([
        ["shop/ui", 87],
        ["shop/cart", null],
      ]),
    ),
  ).toEqual(expect.arrayContaining(["ui 87% ×2", "cart – ×2"]));
});

it("lights an unfolded workload with its pods, and paints these last", () => {
  const pod = place("cart", 300, 300, { id: "pod shop/cart-1", replica: "cart-1" });
  const told = answer([edge(UI, pod), edge(WEB, UI)], [pod, UI, CART, WEB]);
  const picture = pictureOf(told, { layer: "traffic", metric: "bytes", least: 0 });
  expect(picture.bars.map((bar) => bar.title).at(-1)).toBe("cart-1");
  expect([...(near(picture, CART.id, 1) ?? [])].sort()).toEqual(
    [CART.id, pod.id, UI.id, `${UI.id}>${pod.id}`].sort(),
  );
});
