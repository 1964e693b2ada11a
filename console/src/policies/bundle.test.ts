import { expect, test } from "vitest";

import { kustomized, tar } from "./bundle";

async function entries(archive: Blob): Promise<readonly (readonly [string, string])[]> {
  const bytes = new Uint8Array(await archive.arrayBuffer());
  const text = (from: number, length: number) =>
    new TextDecoder().decode(bytes.slice(from, from + length)).replace(/\0.*$/s, "");
  const found: (readonly [string, string])[] = [];
  let long = "";
  for (let at = 0; bytes[at];) {
    const size = parseInt(text(at + 124, 12), 8);
    const sum = bytes
      .slice(at, at + 512)
      .reduce((all, byte, index) => all + (index >= 148 && index < 156 ? 32 : byte), 0);
    expect(parseInt(text(at + 148, 8), 8)).toBe(sum);
    const [name, content] = [text(at, 100), text(at + 512, size)];
    if (text(at + 156, 1) === "L") long = content;
    else found.push([long || name, content]);
    if (text(at + 156, 1) !== "L") long = "";
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

test("a folder for Kustomize, in one file", async () => {
  const long = `${"n".repeat(98)}.yaml`;
  const files = kustomized([
    { name: "a.yaml", text: "a: ü\n" },
    { name: long, text: "x".repeat(600) },
  ]);
  const archive = tar("policies", files, 1_790_000_000);
  expect(archive.size % 512).toBe(0);
  const told = await entries(archive);
  expect(told.map(([name]) => name)).toEqual([
    "policies/a.yaml",
    `policies/${long}`,
    "policies/kustomization.yaml",
  ]);
  expect(told[0]?.[1]).toBe("a: ü\n");
  expect(told[2]?.[1]).toContain(`resources:\n  - a.yaml\n  - ${long}\n`);
});
