/** Where a workload stands: open, partly or closed, by whose policies, and whether enough was seen of it. */

import type { Schemas } from "../api/ask";

export type State = "open" | "partly" | "closed";
type Protected = Schemas["Protected"];

export interface Standing {
  readonly workload: string;
  readonly namespace: string;
  readonly name: string;
  readonly pods: number;
  readonly state: State;
  /** Titles of the policies that hold it, by direction. */
  readonly ingress: readonly string[];
  readonly egress: readonly string[];
  /** Whether policies on trial hold it. */
  readonly trial: boolean;
  readonly score: number | null;
  readonly lacks: readonly Schemas["Lack"][];
  readonly findings: readonly Schemas["Finding"][];
}

/** Every workload of the cluster, in the order of namespaces and names. */
export function standingsOf(
  protection: Schemas["Protection"],
  coverage: Schemas["Covered"] | undefined,
): readonly Standing[] {
  const scores = new Map(coverage?.scores.map((score) => [score.workload, score]));
  const denies = protection.active_posture === "deny";
  return protection.workloads.map((told) => {
    const [ingress, egress] = (["ingress", "egress"] as const).map((side) => inForce(told, side));
    const held = [ingress, egress].filter((titles) => denies || (titles?.length ?? 0) > 0).length;
    const score = scores.get(told.workload);
    const slash = told.workload.indexOf("/");
    return {
      workload: told.workload,
      namespace: told.workload.slice(0, slash),
      name: told.workload.slice(slash + 1),
      pods: told.pods,
      state: held === 2 ? "closed" : held === 1 ? "partly" : "open",
      ingress: ingress ?? [],
      egress: egress ?? [],
      trial:
        told.staged.ingress.length + told.staged.egress.length > 0 || protection.staged_posture === "deny",
      score: score?.score ?? null,
      lacks: score?.lacks ?? [],
      findings: coverage?.findings.filter(({ workload }) => workload === told.workload) ?? [],
    };
  });
}

/** How many of them are in each state. */
export function tallyOf(standings: readonly Standing[]): Readonly<Record<State, number>> {
  const tally = { open: 0, partly: 0, closed: 0 };
  for (const { state } of standings) tally[state] += 1;
  return tally;
}

function inForce(told: Protected, side: "ingress" | "egress"): readonly string[] {
  return [...new Set([...told.active[side], ...told.cluster[side]])].sort();
}
