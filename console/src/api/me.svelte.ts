/** Who is signed in, for whoever needs to know what they may. */

import type { Schemas } from "./ask";

class Person {
  value = $state.raw<Schemas["Me"]>();
}

export const person = new Person();
