/** The three most useful things to do next, out of what is known: the most urgent first. */

import { nameOf as nameOfAnomaly, type Anomaly } from "../anomalies/kinds";
import type { Schemas } from "../api/ask";
import type { Changes, Page } from "../place/place";
import { phaseOf, underWay } from "../rollouts/plan";
import { bytes, count, many, share } from "../show/units";
import type { Standing } from "../policies/standing";

export interface Known {
  readonly totals: Schemas["api_map_Totals"];
  /** Nodes that do not report, or never did. */
  readonly silent: number;
  readonly standings: readonly Standing[];
  readonly intent: Schemas["Intent"];
  readonly rollouts: readonly Schemas["RolloutTold"][];
  /** What is unlike itself since yesterday and nobody spoke of yet, the surest first. */
  readonly anomalies: readonly Anomaly[];
  /** Of connections in the range, those that sent segments again. */
  readonly hot: Schemas["HotSpot"] | undefined;
}

export interface Step {
  readonly title: string;
  readonly why: string;
  readonly does: string;
  readonly page: Page;
  readonly changes: Changes;
  readonly sign: "denied" | "would-deny" | "unprotected" | "allowed" | "crossing" | "";
}

const CROSSING = 0.25;
const SENT_AGAIN = 0.01;

/** At most three. */
export function nextSteps(known: Known): readonly Step[] {
  return [...urgent(known), ...policies(known), ...health(known)].slice(0, 3);
}

function* urgent({ totals, silent, rollouts, anomalies }: Known): Iterable<Step> {
  const back = rollouts.find(({ phase }) => phase === "stepping-back" || phase === "stepped-back");
  if (back)
    yield {
      title: `Rollout ${back.name} stepped back`,
      why: "Traffic flows again. Amend the policies, then start it again.",
      does: "Show what broke",
      page: "rollouts",
      changes: { pick: back.name },
      sign: "denied",
    };
  if (totals.denied_edges)
    yield {
      title: `Look at ${many(totals.denied_edges, "denied edge")}`,
      why: "Packets were dropped. Is it an intruder, or a rule that is missing?",
      does: "Show who was kept out",
      page: "flows",
      changes: { q: "verdict=denied" },
      sign: "denied",
    };
  if (silent)
    yield {
      title: `Bring back ${many(silent, "agent")}`,
      why: "What is not counted is in no policy that is made of what was seen.",
      does: "Show which nodes are silent",
      page: "agents",
      changes: {},
      sign: "denied",
    };
  const [surest] = anomalies;
  if (surest)
    yield {
      title: `Look at ${many(anomalies.length, "anomaly", "anomalies")}`,
      why: `The surest, ${nameOfAnomaly(surest)} of ${surest.subject}: ${surest.what}.`,
      does: "Show what may be behind it",
      page: "investigate",
      changes: { subject: surest.id },
      sign: "would-deny",
    };
}

function* policies({ totals, standings, intent, rollouts }: Known): Iterable<Step> {
  const open = standings.filter(({ state }) => state === "open").length;
  const moving = rollouts.find(underWay);
  if (moving) {
    yield {
      title: `Rollout ${moving.name} is under way`,
      why: moving.waits ? `It waits for ${moving.waits}.` : phaseOf(moving),
      does: "Watch it",
      page: "rollouts",
      changes: { pick: moving.name },
      sign: "would-deny",
    };
  } else if (intent.staged && totals.would_deny_edges)
    yield {
      title: `${many(totals.would_deny_edges, "edge")} would be denied by what is on trial`,
      why: "Each is a rule that is missing, or traffic that should not be.",
      does: "Show who would break",
      page: "policies",
      changes: { tab: "trial" },
      sign: "would-deny",
    };
  else if (intent.staged)
    yield {
      title: "Put in force what is on trial",
      why: "In this time it would have denied nothing.",
      does: "Look at it once more",
      page: "policies",
      changes: { tab: "trial" },
      sign: "allowed",
    };
  else if (open)
    yield {
      title: `Write policies for ${many(open, "open workload")}`,
      why: `Anybody may talk to them. What was seen makes the rules; ${many(totals.unjudged_edges, "edge")} wait for one.`,
      does: "Generate policies",
      page: "policies",
      changes: {},
      sign: "unprotected",
    };
}

function* health({ totals, hot }: Known): Iterable<Step> {
  if (hot && hot.share > SENT_AGAIN)
    yield {
      title: `TCP sends ${share(hot.share)} again on the worst edge`,
      why: `${nameOf(hot)}: ${count(hot.sums.retransmissions)} segments in this time.`,
      does: "Show its flows",
      page: "flows",
      changes: { sort: "retransmissions" },
      sign: "",
    };
  if (totals.bytes && totals.cross_zone_bytes / totals.bytes > CROSSING)
    yield {
      title: `${share(totals.cross_zone_bytes / totals.bytes)} of all bytes cross zones`,
      why: `${bytes(totals.cross_zone_bytes)} that most providers bill.`,
      does: "Show between whom",
      page: "zones",
      changes: {},
      sign: "crossing",
    };
}

function nameOf({ key }: Schemas["HotSpot"]): string {
  const end = (side: string) => [key[`${side}_namespace`], key[`${side}_group`]].filter(Boolean).join("/");
  return `${end("client")} → ${end("server")}`;
}
