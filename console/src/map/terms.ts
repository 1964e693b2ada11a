/** Filters that mean what is picked, for the questions that explain it. */

import { fullTitleOf, type Arc, type Placed } from "./picture";

type Side = "src" | "dst" | "";

/** Terms of the filter language for an end; "" as a side means either. */
export function termsOf(node: Placed, side: Side): string {
  const field = (name: string) => (side ? `${side}.${name}` : name);
  const namespace = node.namespace ? `${field("namespace")}=${node.namespace} ` : "";
  switch (node.kind) {
    case "namespace":
      return namespace.trim();
    case "pod":
      return node.replica
        ? `${namespace}${field("name")}=${node.replica}`
        : `${namespace}${field("workload")}=${node.name}`;
    case "external":
      if (node.id === OUTSIDE) return `${field("kind")}=external`;
      return `${field(node.name.includes("/") ? "ip" : "name")}=${quoted(node.name)}`;
    default:
      return `${field("kind")}=${node.kind} ${namespace}${field("name")}=${quoted(node.name)}`;
  }
}

export const OUTSIDE = "external *";

/** Terms for one direction of an arc, within a filter that holds already. */
export function termsOfArc(arc: Arc, within: string): string {
  return joined(within, `${termsOf(arc.client.node, "src")} ${termsOf(arc.server.node, "dst")}`);
}

/** Both must hold. */
export function joined(filter: string, terms: string): string {
  return filter.trim() ? `(${filter}) ${terms}` : terms;
}

export function nameOfArc(arc: Arc): string {
  return `${fullTitleOf(arc.client.node)} → ${fullTitleOf(arc.server.node)}`;
}

function quoted(text: string): string {
  return /[\s"(),*]/.test(text) ? `"${text.replaceAll('"', "")}"` : text;
}
