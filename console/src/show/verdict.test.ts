import { expect, test } from "vitest";

import { verdictOf } from "./verdict";

const flow = { verdict: "unjudged", staged: "unjudged", rule: "", denied: 0, would_deny: 0 };

test.each([
  [{}, "unprotected"],
  [{ verdict: "allow" }, "unprotected"],
  [{ verdict: "allow", rule: "orders/db ingress[0]" }, "allowed"],
  [{ verdict: "allow", rule: "orders/db ingress[0]", staged: "deny" }, "would-deny"],
  [{ staged: "deny", would_deny: 3 }, "would-deny"],
  // In force, but only told: nothing was dropped.
  [{ verdict: "deny", would_deny: 3 }, "would-deny"],
  [{ verdict: "deny", denied: 3 }, "denied"],
])("%o is %s", (told, wanted) => expect(verdictOf({ ...flow, ...told })).toBe(wanted));
