/** Who is signed in, for whoever needs to know what they may. */

import type { Schemas } from "./ask";

class Person {
  value = $state.raw<Schemas["Me"]>();
}

export const person = new Person();

/** What somebody of a role may not do, and who may; "" if they may. */
export function forbidden(me: Schemas["Me"] | undefined, needs: "editor" | "operator"): string {
  const roles = ["viewer", "editor", "operator"];
  if (!me) return "Who you are is not known yet.";
  if (me.namespaces) return "This holds for the whole cluster, and your token is bound to namespaces.";
  if (roles.indexOf(me.role) < roles.indexOf(needs))
    return `This is for the role ${needs}; yours is ${me.role}.`;
  return "";
}
