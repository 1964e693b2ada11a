/** What went wrong, in the hub's own words where it answered, else in ours: what, where, what to do next. */

export type Kind = "away" | "unknown" | "forbidden" | "question" | "busy" | "failed";

export class Problem extends Error {
  constructor(
    readonly kind: Kind,
    readonly title: string,
    readonly detail: string,
    /** Milliseconds after which to ask again; null: only when somebody says so. */
    readonly retryAfter: number | null = null,
  ) {
    super(detail);
  }
}

/** The hub did not answer at all. */
export function away(): Problem {
  return new Problem(
    "away",
    "The hub does not answer",
    `Nothing answers at ${location.host}. What you see is what it said last; the console asks again by itself.`,
    3000,
  );
}

/** What an answer that is an error means. */
export async function problemOf(answer: Response): Promise<Problem> {
  const told = await toldBy(answer);
  const seconds = Number(answer.headers.get("Retry-After"));
  const retry = seconds > 0 ? seconds * 1000 : null;
  return new Problem(kindOf(answer.status), titleOf(answer.status, told.title), told.detail, retry);
}

function kindOf(status: number): Kind {
  if (status === 401) return "unknown";
  if (status === 403) return "forbidden";
  if (status === 429 || status === 503) return "busy";
  return status < 500 ? "question" : "failed";
}

function titleOf(status: number, title: string): string {
  if (status === 401) return "You are not signed in";
  if (status === 403) return "You may not see this";
  return title.charAt(0).toUpperCase() + title.slice(1);
}

async function toldBy(answer: Response): Promise<{ title: string; detail: string }> {
  try {
    const body: unknown = await answer.json();
    if (body && typeof body === "object" && "detail" in body && "title" in body) {
      return { title: String(body.title), detail: String(body.detail) };
    }
  } catch {
    // It was no JSON: something between here and the hub answered.
  }
  const detail = `${answer.status} ${answer.statusText}, and not in the hub's words; is there a proxy between?`;
  return { title: "the answer is not the hub's", detail };
}
