/** Values that a field of an end may have, out of what the hub has ever seen. */

import { ask } from "../api/ask";
import type { End } from "../show/ends";

const MOST = 2000;

/** Distinct values that hold `part`, in order. */
export async function valuesOf(name: string, part: string, signal: AbortSignal): Promise<readonly string[]> {
  // A namespace or zone is no part of an end's name, which is what the hub searches in.
  const text = name === "workload" || name === "name" || name === "node" ? part : "";
  const { endpoints } = await ask("/api/v1/endpoints", { text, limit: MOST }, signal);
  const values = endpoints.map(({ end }) => end[name as keyof End]);
  return [
    ...new Set(values.filter((value): value is string => typeof value === "string" && value !== "")),
  ].sort();
}
