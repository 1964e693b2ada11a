import { expect, test } from "vitest";

import { narrowed } from "./narrow";

test.each([
  ["", "src.namespace", "shop", "src.namespace=shop"],
  ["dst.port=53", "src.namespace", "shop", "dst.port=53 src.namespace=shop"],
  ["src.namespace=ui dst.port=53", "src.namespace", "shop", "dst.port=53 src.namespace=shop"],
  ['name="a b" port=1', "name", "c d", 'port=1 name="c d"'],
  ["a=1 or b=2", "port", "53", "(a=1 or b=2) port=53"],
  ["not port=53", "proto", "UDP", "(not port=53) proto=UDP"],
])("%s with %s=%s", (filter, field, value, wanted) => expect(narrowed(filter, field, value)).toBe(wanted));
