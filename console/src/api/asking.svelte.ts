/** A question that is asked again when what it is about changes. The old answer stays until the new one is there. */

import { Problem } from "./problem";
import { pulse } from "./pulse.svelte";

export interface Asking<T> {
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  readonly loading: boolean;
  /** When the answer came, in milliseconds since 1970. */
  readonly at: number;
  /** Ask again now. */
  again(): void;
}

/** `question` is run in an effect: what it reads before its first await decides when it is asked again; null asks
 * nothing. With `beats`, a live console asks again by itself. Call this while a component is being made. */
export function asking<T>(
  question: (signal: AbortSignal) => Promise<T> | null,
  beats: () => boolean = () => true,
): Asking<T> {
  let value = $state.raw<T>();
  let problem = $state.raw<Problem>();
  let loading = $state(false);
  let at = $state(0);
  let turn = $state(0);

  $effect(() => {
    void turn;
    if (beats()) void pulse.beat;
    const stop = new AbortController();
    let later: ReturnType<typeof setTimeout> | undefined;
    const asked = question(stop.signal);
    loading = asked !== null;
    asked?.then(
      (answer) => {
        if (stop.signal.aborted) return;
        [value, problem, loading, at] = [answer, undefined, false, Date.now()];
        pulse.heard();
      },
      (error: unknown) => {
        if (stop.signal.aborted) return;
        problem =
          error instanceof Problem ? error : new Problem("failed", "The console failed", String(error));
        loading = false;
        if (problem.kind === "away") pulse.missed();
        if (problem.retryAfter !== null) later = setTimeout(() => (turn += 1), problem.retryAfter);
      },
    );
    return () => {
      stop.abort();
      clearTimeout(later);
    };
  });

  return {
    get value() {
      return value;
    },
    get problem() {
      return problem;
    },
    get loading() {
      return loading;
    },
    get at() {
      return at;
    },
    again: () => (turn += 1),
  };
}
