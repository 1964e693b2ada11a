/** Causes in words, and where to look at each. */

import type { Schemas } from "../api/ask";
import { narrowed } from "../place/narrow";
import type { Changes, Page } from "../place/place";

export type Investigation = Schemas["Investigation"];
export type Cause = Schemas["Cause"];
export type Part = Schemas["Part"];

export interface Look {
  readonly name: string;
  readonly page: Page;
  readonly changes: Changes;
}

const WORDS: Readonly<Record<Cause["kind"], string>> = {
  policy: "A policy drops it",
  dns: "Names are not resolved",
  conntrack: "A table of connections is full",
  bandwidth: "A link is too narrow",
  loss: "Packets are lost on a node's way",
  replica: "One server replica is unwell",
  server: "The server does not answer",
  client: "One client replica is unwell",
  zone: "The way between two zones",
  deploy: "Something was deployed before",
  change: "Something was changed before",
};

/** `One server replica is unwell`. */
export function wordOf({ kind }: Pick<Cause, "kind">): string {
  return WORDS[kind];
}

/** The time and the filter of what was found, as its link to the flows has them. */
export function flowsOf({ link }: Pick<Investigation, "link">): Changes {
  const told = new URL(link, "http://hub").searchParams;
  return { since: told.get("since"), until: told.get("until"), q: told.get("q") };
}

/** Pages that show what speaks for a cause. */
export function looksAt(cause: Cause, told: Pick<Investigation, "link">): readonly Look[] {
  const { q, ...time } = flowsOf(told);
  const flows = (name: string, filter: string): Look => ({
    name,
    page: "flows",
    changes: { ...time, q: filter },
  });
  const own = (term: string, value: string) => narrowed(q ?? "", term, value);
  switch (cause.kind) {
    case "policy":
      return [
        flows("What was denied", own("verdict", "denied")),
        { name: "Policies in force", page: "policies", changes: { tab: "force" } },
      ];
    case "dns": {
      const [namespace, workload] = cause.where.split("/");
      const who = workload ? `src.namespace=${namespace} src.workload=${workload} ` : "";
      return [flows("Its questions", `${who}dst.port=53`)];
    }
    case "loss":
    case "bandwidth":
    case "conntrack":
      return [
        { name: "The node's agent", page: "agents", changes: { pick: cause.where } },
        flows("The node's flows", `node=${cause.where}`),
      ];
    case "replica":
      return [flows("Its flows", own("dst.name", cause.where))];
    case "client":
      return [flows("Its flows", own("src.name", cause.where))];
    case "zone":
      return [{ name: "Zones", page: "zones", changes: time }];
    case "change":
      return [
        { name: "Policies in force", page: "policies", changes: { tab: "force" } },
        { name: "Rollouts", page: "rollouts", changes: {} },
      ];
    default:
      return [flows("Flows", q ?? "")];
  }
}

/** The server replica with most of the trouble, or else the slowest, and the one that does best; null where there are not two. */
export function comparedOf({ servers, sibling }: Investigation): readonly [Part, Part] | null {
  const best = servers.find(({ name }) => name === sibling);
  const [worst] = servers
    .filter((one) => one !== best)
    .sort((one, other) => other.share - one.share || (other.rtt_us ?? 0) - (one.rtt_us ?? 0));
  return worst && best ? [worst, best] : null;
}
