/** Small drawings for kinds, on a field of 12 by 12; the same on the map, in files and in the legend. */

const DRAWINGS: Readonly<Record<string, string>> = {
  Deployment: "M6 1l4.500 2.500v5L6 11 1.500 8.500v-5zM1.500 3.500L6 6l4.500-2.500M6 6v5",
  StatefulSet: "M2 3c0-2 8-2 8 0v6c0 2-8 2-8 0zM2 3c0 2 8 2 8 0M2 6c0 2 8 2 8 0",
  DaemonSet:
    "M1.500 1.500h3.500v3.500h-3.500zM7 1.500h3.500v3.500h-3.500zM1.500 7h3.500v3.500h-3.500zM7 7h3.500v3.500h-3.500z",
  CronJob: "M6 1a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM6 3v3l2 2",
  Pod: "M2.500 2.500h7v7h-7z",
  service: "M6 1l5 5-5 5-5-5z",
  node: "M1.500 2h9v3.500h-9zM1.500 6.500h9v3.500h-9zM3.500 3.750h.010M3.500 8.250h.010",
  cloud: "M3 9.500a2.200 2.200 0 0 1 .200-4.400 3 3 0 0 1 5.700.500 2 2 0 0 1 .300 3.900z",
  external: "M6 1a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM1 6h10M6 1c-3 3-3 7 0 10M6 1c3 3 3 7 0 10",
  namespace: "M1.500 1.500h9v9h-9zM1.500 4h9",
  unknown: "M4 4.500a2 2 0 1 1 2.800 1.800C6 6.700 6 7 6 7.600M6 9.500v.010",
};

const WORDS: Readonly<Record<string, string>> = {
  service: "Service",
  node: "node",
  cloud: "cloud service",
  external: "outside",
  namespace: "namespace",
  unknown: "not known",
};

/** `Deployment`, `StatefulSet`, or what else stands there. */
export function sortOf(node: { readonly kind: string; readonly name: string }): string {
  if (node.kind !== "pod") return node.kind;
  const owner = node.name.slice(0, Math.max(0, node.name.indexOf("/")));
  if (owner === "Job") return "CronJob";
  return owner in DRAWINGS ? owner : owner ? "Deployment" : "Pod";
}

export function drawingOf(sort: string): string {
  return DRAWINGS[sort] ?? DRAWINGS.unknown ?? "";
}

/** The kind in words. */
export function wordOf(node: { readonly kind: string; readonly name: string }): string {
  if (node.kind !== "pod") return WORDS[node.kind] ?? node.kind;
  return node.name.slice(0, Math.max(0, node.name.indexOf("/"))) || "Pod";
}

export const LEGEND: readonly (readonly [string, string])[] = [
  ["Deployment", "Deployment"],
  ["StatefulSet", "StatefulSet"],
  ["DaemonSet", "DaemonSet"],
  ["CronJob", "Job, CronJob"],
  ["Pod", "Pod"],
  ["service", "Service"],
  ["node", "node"],
  ["external", "outside"],
  ["cloud", "cloud service"],
];
