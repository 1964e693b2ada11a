/** Looking at a rollout, and changing it. */

import { addressOf, fetched, send, type Schemas } from "../api/ask";
import type { orderOf } from "./order";
import type { Rollout, Verb } from "./plan";

type Wanted = ReturnType<typeof orderOf>;

const PATH = "/api/v1/rollouts";

export async function rolloutOf(name: string, signal: AbortSignal): Promise<Rollout> {
  return (await fetched(`${PATH}/${encodeURIComponent(name)}`, { signal })).json();
}

/** Policies that would let through what broke it. */
export async function amendedOf(name: string): Promise<Schemas["Amended"]> {
  return (await fetched(`${PATH}/${encodeURIComponent(name)}/amended`)).json();
}

/** What an order would do, without doing it. */
export async function foreseen(order: Wanted, signal: AbortSignal): Promise<Schemas["Previewed"]> {
  return send("post", "/api/v1/rollouts/preview", order, { signal });
}

/** Keep an order; nothing is done until somebody starts it. */
export async function ordered(order: Wanted, why: string): Promise<unknown> {
  return send("post", "/api/v1/rollouts", { order, why });
}

/** Press one of its buttons. */
export async function press(
  name: string,
  verb: Verb | "override",
  given: { why: string; gate?: string; how?: "step" | "all" },
): Promise<unknown> {
  const headers = { "Content-Type": "application/json" };
  const path = `${PATH}/${encodeURIComponent(name)}/${verb}`;
  return (await fetched(path, { method: "POST", headers, body: JSON.stringify(given) })).json();
}

/** What was done with a rollout, by whom, the newest first. For operators. */
export async function logOf(name: string, signal: AbortSignal): Promise<readonly Schemas["Entry"][]> {
  const answer = await fetched(addressOf("/api/v1/audit", { limit: 1000 }), { signal });
  const entries = (await answer.json()) as readonly Schemas["Entry"][];
  return entries.filter(({ what, detail }) => what === "rollout" && detail?.["rollout"] === name);
}
