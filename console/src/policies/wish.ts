/** Changing what is on trial and in force. */

import { ask, fetched, send, type Schemas } from "../api/ask";

export type Slot = "active" | "staged";

/** The policies of a slot, as they were written. */
export async function policiesIn(slot: Slot, signal?: AbortSignal): Promise<string> {
  const answer = await fetched(`/api/v1/intent/${slot}/policies`, { signal });
  return ((await answer.json()) as Schemas["PolicyText"]).policies;
}

/** Put policies on trial: judged on live traffic, and nothing is dropped. */
export async function stage(policies: string, posture: "allow" | "deny", why: string): Promise<unknown> {
  return send("put", "/api/v1/intent", { staged: { policies, posture }, why });
}

/** Put in force what is on trial, and end the trial. Without `nodes` on all of them. */
export async function promote(
  nodes: string[] | null,
  mode: "audit" | "enforce",
  why: string,
): Promise<unknown> {
  const [intent, policies] = await Promise.all([ask("/api/v1/intent"), policiesIn("staged")]);
  const posture = intent.staged?.posture ?? "allow";
  const active = { policies: policies || null, posture, nodes, mode };
  return send("put", "/api/v1/intent", { active, staged: null, why });
}

/** Take back what is in a slot. */
export async function withdraw(slot: Slot, why: string): Promise<unknown> {
  return send("put", "/api/v1/intent", slot === "active" ? { active: null, why } : { staged: null, why });
}
