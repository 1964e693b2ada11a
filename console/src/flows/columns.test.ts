import { expect, test } from "vitest";

import { chosenOf, toldOf, USUAL } from "./columns";

test("a choice is told in the columns' own order, the usual one not at all", () => {
  expect(chosenOf("")).toEqual(USUAL);
  expect(chosenOf("rtt,time,dragon")).toEqual(["time", "rtt"]);
  expect(toldOf([...USUAL].reverse())).toBe("");
  expect(toldOf(["rule", "time"])).toBe("time,rule");
});
