/** An order out of what the address says, and the other way round. */

import type { Schemas } from "../api/ask";
import { secondsOf } from "../place/range";
import { documentsOf, titleIn } from "../policies/rules";

export type Order = Schemas["Order"];
export type Source = "seen" | "trial" | "force";

/** What is said of an order in the address, and what it is where nothing is said. */
export const USUAL = {
  name: "default-deny",
  of: "seen",
  driver: "modes",
  posture: "allow",
  ns: "",
  nodes: "",
  canary: "",
  budget: "10%",
  soak: "10m",
  quiet: "24h",
  score: "90",
  back: "step",
} as const;
export type Word = keyof typeof USUAL;
export type Wish = Readonly<Record<Word, string>>;

export function wishOf(told: (key: string) => string): Wish {
  return Object.fromEntries(
    Object.entries(USUAL).map(([key, usual]) => [key, told(key) || usual]),
  ) as unknown as Wish;
}

/** What is wrong with it, by its word, before the hub is asked; the hub has the last say. */
export function mistakesOf(wish: Wish): Readonly<Partial<Record<Word, string>>> {
  const found: Partial<Record<Word, string>> = {};
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(wish.name))
    found.name = "small letters, digits and dashes, 63 at most";
  if (!/^\d{1,6}%?$/.test(wish.budget)) found.budget = "a share as 10%, or a number of nodes";
  for (const word of ["soak", "quiet"] as const)
    if (secondsOf(wish[word]) === null) found[word] = "90s, 5m, 2h or 7d";
  if (!/^\d{1,3}$/.test(wish.score) || Number(wish.score) > 100) found.score = "0 to 100";
  return found;
}

/** The policies of the namespaces that it is for. */
export function within(policies: string, ns: string): string {
  const spaces = listOf(ns);
  return documentsOf(policies)
    .filter((one) => !spaces || spaces.includes(titleIn(one).split("/")[0] ?? ""))
    .join("\n---\n");
}

/** As the hub takes it. Call it for a wish without mistakes. */
export function orderOf(wish: Wish, policies: string) {
  const time = (text: string) => `PT${secondsOf(text)}S`;
  return {
    name: wish.name,
    policies,
    driver: wish.driver as Order["driver"],
    posture: wish.posture as "allow" | "deny",
    namespaces: listOf(wish.ns),
    nodes: listOf(wish.nodes),
    limits: { budgets: [{ nodes: wish.budget }], canary: listOf(wish.canary) ?? [] },
    gates: { quiet: time(wish.quiet), score: Number(wish.score) },
    soak: time(wish.soak),
    back: wish.back as Order["back"],
  };
}

/** `a, b` as a list; null of nothing, which means all. */
function listOf(text: string): string[] | null {
  const found = text.split(/[\s,]+/).filter(Boolean);
  return found.length ? found : null;
}
