/** What a node's last word means now. */

import type { Schemas } from "../api/ask";

export type NodeState = Schemas["NodeState"];
export type Health = "reports" | "late" | "silent" | "never";

/** Seconds of silence after which a report is late: several of the usual intervals of ten seconds. */
export const LATE = 60;
/** And after which nobody should rely on what the node was told last. */
export const SILENT = 600;

/** How an agent does, by its silence; `now` in milliseconds since 1970. */
export function healthOf(node: NodeState, now: number): Health {
  if (!node.agent) return "never";
  const silence = now / 1000 - node.agent.last_seen_us / 1e6;
  if (silence > SILENT) return "silent";
  return silence > LATE ? "late" : "reports";
}

/** What the agent lost, and batches that never came, as words; "" for nothing. */
export function lossesOf(node: NodeState): string {
  const told = Object.entries(node.agent?.losses ?? {}).filter(([, lost]) => lost > 0);
  const all = node.agent?.missing ? [...told, ["batches", node.agent.missing] as const] : told;
  return all.map(([name, lost]) => `${name.replaceAll("_", " ")} ${lost.toLocaleString("en")}`).join(", ");
}

/** What of a node cannot be seen, and why; one sentence each. */
export function blindSpots(node: NodeState, now: number): readonly string[] {
  const health = healthOf(node, now);
  const found: string[] = [];
  if (health === "never")
    found.push(
      "No agent has reported from here. Its pods are seen only from the other end of their connections.",
    );
  if (health === "silent")
    found.push(
      "The agent is silent. What the kernel enforces there stays in force; nobody counts for the hub.",
    );
  if (!node.in_cluster) found.push("The cluster has no such node by now; this is what was said last.");
  if (node.agent && node.wanted !== null && node.agent.revision < node.wanted)
    found.push(
      `It obeys revision ${node.agent.revision} of its rules, and revision ${node.wanted} is wanted.`,
    );
  if (node.agent?.missing)
    found.push(`${node.agent.missing} batches never came: the agent's disk was full, or the node was.`);
  return found;
}
