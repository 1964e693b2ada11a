/** What a rollout's state means: its row of steps, what may be done with it, and its phases in words. */

import type { Schemas } from "../api/ask";
import { many } from "../show/units";

export type Rollout = Schemas["RolloutTold"];
export type Verb = "start" | "pause" | "resume" | "back" | "abort";
export type Tone = "done" | "now" | "next" | "broken";

/** What the row of steps is made of. */
export type Planned = Pick<Rollout, "phase" | "since" | "steps" | "to_come" | "breakage" | "soak_seconds">;

/** One cell of the row of steps. */
export interface Cell {
  readonly title: string;
  readonly units: readonly string[];
  readonly tone: Tone;
  readonly note: string;
  /** When that began or ended, where it is known. */
  readonly at?: string | undefined;
}

/** Cells of steps in sight at either end of the present; what is beyond is one cell. */
const SHOWN = 4;

const PHASES: Readonly<Record<string, string>> = {
  drafted: "drafted; nothing is done yet",
  observing: "observes",
  staged: "on trial: judged, nothing is dropped",
  enforcing: "enforces, step by step",
  done: "done",
  paused: "paused; what enforces is watched on",
  "stepping-back": "steps back",
  "stepped-back": "stepped back; what was taken back is judged only",
  aborted: "aborted; everything was taken back",
  failed: "failed",
};

/** A phase in words. */
export function phaseOf({ phase }: Pick<Rollout, "phase">): string {
  return PHASES[phase] ?? phase;
}

/** Whether it goes on by itself, or could: what is told of it changes. */
export function underWay({ phase }: Pick<Rollout, "phase">): boolean {
  return ["observing", "staged", "enforcing", "paused", "stepping-back"].includes(phase);
}

/** The one that says what is on trial and in force, so that nobody else may; "" if none does. */
export function holderOf(rollouts: readonly Pick<Rollout, "name" | "phase">[]): string {
  return rollouts.find((one) => underWay(one) || one.phase === "stepped-back")?.name ?? "";
}

/** Why nobody else may; "" if they may. */
export function heldBy(holder: string): string {
  return holder
    ? `Rollout ${holder} says what is on trial and in force. Abort it, or let it finish, and then change it here.`
    : "";
}

/** What a person may do with it now. */
export function verbsOf({ phase, steps }: Pick<Rollout, "phase" | "steps">): readonly Verb[] {
  const verbs: Verb[] = [];
  if (["drafted", "stepped-back", "aborted", "failed"].includes(phase)) verbs.push("start");
  if (["observing", "staged", "enforcing"].includes(phase)) verbs.push("pause");
  if (phase === "paused") verbs.push("resume");
  if (steps.length) verbs.push("back");
  if (!["drafted", "aborted"].includes(phase)) verbs.push("abort");
  return verbs;
}

/** The gates that somebody may let pass before the next step; the hub refuses others. */
export function overridable(gate: Schemas["Gate"]): boolean {
  return !gate.open && !gate.hard && ["coverage", "would-deny", "lint", "enforced"].includes(gate.name);
}

/** How many nodes enforce, of how many in its scope. */
export function reachOf({ units }: Pick<Rollout, "units">): string {
  const enforcing = units.filter(({ mode }) => mode === "enforce").length;
  return `${enforcing} of ${many(units.length, "node")}`;
}

/** The plan as a row: the trial, steps that were made, what broke, steps to come, and the end. */
export function rowOf(rollout: Planned): readonly Cell[] {
  const { phase, steps, to_come: coming, breakage } = rollout;
  const made = steps.map((step, index) => cellOf(step, index, rollout));
  const next: Cell[] = coming.map((units, index) => ({
    title: `Step ${made.length + index + 1}`,
    units,
    tone: "next",
    note: "to come",
  }));
  const broke: Cell[] =
    breakage && ["stepping-back", "stepped-back"].includes(phase)
      ? [{ title: "Taken back", units: breakage.units, tone: "broken", note: why(breakage), at: breakage.at }]
      : [];
  return [
    trialOf(rollout),
    ...folded(made, 0, made.length - SHOWN, "made"),
    ...broke,
    ...folded(next, SHOWN, next.length, "to come"),
    { title: "Done", units: [], tone: phase === "done" ? "done" : "next", note: "all nodes enforce" },
  ];
}

function trialOf({ phase, since, steps }: Planned): Cell {
  const begun = !["drafted", "observing", "aborted"].includes(phase);
  const now = begun && !steps.length && phase !== "done";
  return {
    title: "On trial",
    units: [],
    tone: begun ? (now ? "now" : "done") : "next",
    note: "judged everywhere, nothing dropped",
    at: phase === "staged" && now ? since : undefined,
  };
}

function cellOf(step: Schemas["Step"], index: number, { soak_seconds: soak }: Planned): Cell {
  const title = `Step ${index + 1}`;
  if (step.soaked) return { title, units: step.units, tone: "done", note: "soaked", at: step.soaked };
  if (!step.obeyed)
    return { title, units: step.units, tone: "now", note: "nodes are switched", at: step.begun };
  const end = new Date(Date.parse(step.obeyed) + soak * 1000).toISOString();
  return { title, units: step.units, tone: "now", note: "watched", at: end };
}

/** The cells from one to before another as one. */
function folded(cells: readonly Cell[], from: number, to: number, note: string): readonly Cell[] {
  const first = cells[from];
  if (to - from < 2 || !first) return cells;
  const units = cells.slice(from, to).flatMap((cell) => cell.units);
  const one = { title: many(to - from, "step"), units, tone: first.tone, note };
  return [...cells.slice(0, from), one, ...cells.slice(to)];
}

function why(breakage: NonNullable<Rollout["breakage"]>): string {
  return breakage.gates.map(({ name }) => `gate ${name}`).join(", ") || "somebody asked";
}
