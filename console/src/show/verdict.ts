/** What policies say of a connection, in the words and signs that the whole console uses. */

export type Verdict = "allowed" | "unprotected" | "would-deny" | "denied";

export const WORDS: Readonly<Record<Verdict, string>> = {
  allowed: "allowed",
  unprotected: "unprotected",
  "would-deny": "would be denied",
  denied: "denied",
};

export interface Judged {
  readonly verdict: string;
  readonly staged: string;
  readonly rule: string;
  readonly denied: number;
  readonly would_deny: number;
}

/** The most urgent that is true of a flow. Without a rule that allows it, it is only not forbidden. */
export function verdictOf(flow: Judged): Verdict {
  if (flow.denied > 0 || (flow.verdict === "deny" && flow.would_deny === 0)) return "denied";
  if (flow.would_deny > 0 || flow.verdict === "deny" || flow.staged === "deny") return "would-deny";
  return flow.verdict === "allow" && flow.rule ? "allowed" : "unprotected";
}
