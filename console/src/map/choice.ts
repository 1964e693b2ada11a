/** What the URL says of the map. */

import { layerOf, LAYERS, type LayerKey } from "./layers";
import { metricOf, type MetricKey } from "./metrics";
import { viewOf, type View } from "./view";

type Told = (key: string) => string;

export interface Choice {
  readonly layer: LayerKey;
  readonly metric: MetricKey;
  readonly grain: "workload" | "replica";
  readonly scope: "all" | "cluster" | "cloud" | "external";
  /** Namespaces that somebody collapsed, and those that somebody unfolded. */
  readonly fold: readonly string[];
  readonly open: readonly string[];
  /** Workloads that are shown as their pods: `shop/Deployment/ui`. */
  readonly unfold: readonly string[];
  readonly least: number;
  readonly pick: string;
  readonly hops: number;
  readonly table: boolean;
  readonly view: View | null;
}

export const SCOPES = [
  ["all", "Everything"],
  ["cluster", "Cluster"],
  ["cloud", "Cloud services"],
  ["external", "Outside"],
] as const;

export function choiceOf(told: Told): Choice {
  const layer = layerOf(told("layer"));
  const scope = told("view");
  return {
    layer,
    metric: metricOf(told("metric")) ?? LAYERS[layer].metric,
    grain: told("grain") === "replica" ? "replica" : "workload",
    scope: scope === "cluster" || scope === "cloud" || scope === "external" ? scope : "all",
    fold: listed(told("fold")),
    open: listed(told("open")),
    unfold: listed(told("unfold")),
    least: Math.max(0, Number(told("least")) || 0),
    pick: told("pick"),
    hops: Math.min(9, Math.max(1, Math.trunc(Number(told("hops"))) || 1)),
    table: told("show") === "table",
    view: viewOf(told("at")),
  };
}

/** The words of the URL that fold a namespace, or unfold it. */
export function folded(choice: Choice, namespace: string, fold: boolean): Record<string, string> {
  const without = (list: readonly string[]) => list.filter((one) => one !== namespace);
  const [shut, open] = [without(choice.fold), without(choice.open)];
  (fold ? shut : open).push(namespace);
  return { fold: shut.sort().join(","), open: open.sort().join(",") };
}

/** The word of the URL that unfolds a workload, or folds it again. */
export function unfolded(choice: Choice, workload: string): Record<string, string> {
  const without = choice.unfold.filter((one) => one !== workload);
  const list = without.length < choice.unfold.length ? without : [...without, workload];
  return { unfold: list.sort().join(",") };
}

/** What the hub is asked to collapse. */
export function collapseOf(choice: Choice): string {
  return ["auto", ...choice.fold].join(",");
}

const STEPS = 100;

/** A threshold out of a slider's 0 to 100: nothing at 0, then by the logarithm up to the most. */
export function leastOf(step: number, most: number): number {
  if (step <= 0 || most <= 0) return 0;
  const value = Math.exp((Math.log(most + 1) * Math.min(step, STEPS)) / STEPS) - 1;
  return Number(value.toPrecision(2));
}

/** And back. */
export function stepOf(least: number, most: number): number {
  if (least <= 0 || most <= 0) return 0;
  return Math.min(STEPS, Math.round((Math.log(least + 1) / Math.log(most + 1)) * STEPS));
}

function listed(text: string): string[] {
  return text.split(",").filter((one) => one);
}
