/** What is to be investigated, in the words that the hub reads, out of what the console shows. */

import type { End } from "../show/ends";
import type { Changes } from "../place/place";
import { momentOf } from "../place/range";

/** What the console knows of an end, whether it stands on the map or in a table. */
export interface Called {
  readonly kind: string;
  readonly namespace: string;
  /** Of a pod its workload: `ui` or `Deployment/ui`. */
  readonly name: string;
}

/** An end as the hub groups it: `shop/ui`, `service shop/ui`, a DNS name, a network; "" for what has no name. */
export function groupOf({ kind, namespace, name }: Called): string {
  if (!name || /\s/.test(name)) return "";
  if (kind === "pod") return namespace ? `${namespace}/${name.slice(name.indexOf("/") + 1)}` : "";
  if (kind === "service") return `service ${namespace}/${name}`;
  return kind === "namespace" ? "" : name;
}

/** A flow's end. */
export function calledAs(end: End): Called {
  const name = end.workload || end.name || end.address;
  return { kind: end.kind, namespace: end.namespace, name };
}

/** An end alone: a workload's pods, or a node; "" for what cannot be investigated alone. */
export function subjectOf(end: Called): string {
  if (end.kind === "node") return `node ${end.name}`;
  return end.kind === "pod" ? groupOf(end) : "";
}

/** An edge; "" where one of its ends is none. */
export function subjectOfEdge(client: Called, server: Called): string {
  const ends = [groupOf(client), groupOf(server)];
  return ends.every(Boolean) ? ends.join(" -> ") : "";
}

/** What a link to the page says: the middle of a fixed time, with as long before it as after; else now. */
export function questionOf(subject: string, range: { since: string; until: string }): Changes {
  const [since, until] = [Date.parse(range.since), momentOf(range.until, Date.now())];
  if (!range.until || until === null || Number.isNaN(since)) return { subject };
  const half = Math.max(1, Math.round((until - since) / 2000));
  const at = new Date(since + half * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  return { subject, at, window: String(half) };
}
