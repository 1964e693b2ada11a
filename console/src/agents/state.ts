/** What a node's last word means now. */

import type { Schemas } from "../api/ask";
import { bytes, UNKNOWN } from "../show/units";

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

/** What a kind of loss means; `{}` is how much of it. Others are told by their names. */
const MEANT: Readonly<Record<string, string>> = {
  events_lost: "{} first sights came later than they should have: more was new at once than the ring holds.",
  spills_lost: "{} records of large flows were lost; what they moved is in their pods' sums alone.",
  flows_full: "{} packets found no room in the table of flows; they are in their pods' sums alone.",
  fragments_unmatched: "{} fragments came without their first; nobody can say what they were part of.",
  packets_unparsed: "{} packets could not be read.",
  answers_unread: "{} DNS answers could not be followed: rules by name may lack an address.",
  answers_lost: "{} DNS answers were lost: some addresses outside go without their names.",
  asked_lost: "{} DNS questions or answers were not told: more names were asked for than the table holds.",
  sockets_unheard: "Connections given up in silence are not told: the agent may not listen for them here.",
  spool_dropped: "{} batches were dropped: nobody took them in time.",
  batches_refused: "{} batches could not be read by the hub.",
  pods_without_interface:
    "{} pods have no interface that the agent can find; nothing of them is counted here.",
  malformed_feeds: "{} times its rules could not be read; the last ones stayed in force.",
  refused_tables: "{} times the kernel could not hold its rules; the last ones stayed in force.",
};

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
  return [...found, ...lostOf(node)];
}

function lostOf(node: NodeState): readonly string[] {
  return Object.entries(node.agent?.losses ?? {})
    .filter(([, lost]) => lost > 0)
    .map(([name, lost]) =>
      (MEANT[name] ?? `{} ${name.replaceAll("_", " ")}.`).replace("{}", lost.toLocaleString("en")),
    );
}

/** A share of one core, as people size agents: `4.2m` are thousandths; UNKNOWN for what nobody told. */
export function coresOf(node: NodeState): string {
  const cores = node.agent?.cores;
  return cores === null || cores === undefined
    ? UNKNOWN
    : `${(cores * 1000).toLocaleString("en", { maximumFractionDigits: 1 })}m`;
}

/** The agent's memory; UNKNOWN where it does not tell. */
export function memoryOf(node: NodeState): string {
  return bytes(node.agent?.resident_bytes || null);
}
