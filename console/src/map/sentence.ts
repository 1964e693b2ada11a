/** One sentence about what the map shows. */

import { nameOf } from "../place/range";
import { bytes, count, many } from "../show/units";
import { money } from "./metrics";
import type { Answer, Picture } from "./picture";

/** `38 workloads, 112 edges, 4.1 GB in the last 1 h; 9 edges unprotected, 2 would be denied.` */
export function sentenceOf(answer: Answer, picture: Picture, since: string, until: string): string {
  const { totals } = answer;
  const pods = answer.nodes.filter((node) => node.kind === "pod");
  const replicas = pods.filter((node) => node.replica).length;
  const workloads = pods.length - replicas;
  const within = until ? "" : nameOf(since);
  const edges = answer.edges.reduce((held, edge) => held + edge.members, 0);
  const shown = [
    ...(workloads ? [many(workloads, "workload")] : []),
    ...(replicas ? [many(replicas, "replica")] : []),
    ...(answer.collapsed.length ? [many(answer.collapsed.length, "collapsed namespace")] : []),
    many(edges, "edge"),
    `${bytes(totals.bytes)}${within ? ` in the ${within}` : ""}`,
  ];
  const standing = (word: string) => answer.edges.filter((edge) => edge.standing === word).length;
  const concerns = [
    [totals.unprotected_edges, "unprotected"],
    [standing("would-deny"), "would be denied"],
    [standing("denied"), "denied"],
  ] as const;
  const told = concerns
    .filter(([number]) => number > 0)
    .map(([number, word], index) => `${index === 0 ? many(number, "edge") : count(number)} ${word}`);
  const cost = totals.cost > 0 ? `; ${money(totals.cost, answer.currency)} between zones` : "";
  const hidden = picture.hidden > 0 ? `; ${many(picture.hidden, "edge")} below the threshold` : "";
  return `${shown.join(", ")}${told.length ? `; ${told.join(", ")}` : ""}${cost}${hidden}.`;
}
