/** Server-sent events over fetch, which can carry the token; EventSource cannot. */

import { addressOf, fetched } from "./ask";
import { Problem } from "./problem";

export interface Event {
  readonly name: string;
  readonly data: unknown;
}

const PAUSE = 2000;

/** Listen until `signal` ends it; when the stream ends by itself, connect again. `state` hears "on", or why not. */
export async function listen(
  query: Record<string, string>,
  signal: AbortSignal,
  take: (event: Event) => void,
  state: (problem: Problem | null) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await fetched(addressOf("/api/v1/live", query), { signal });
      state(null);
      if (answer.body) await drain(answer.body, take);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem) state(error);
      if (error instanceof Problem && error.retryAfter === null) return;
    }
    await new Promise((wake) => setTimeout(wake, PAUSE));
  }
}

async function drain(body: ReadableStream<Uint8Array>, take: (event: Event) => void): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const pieces = (rest + value).split("\n\n");
    rest = pieces.pop() ?? "";
    for (const piece of pieces) {
      const event = eventOf(piece);
      if (event) take(event);
    }
  }
}

/** One event; null for a comment. Several `data` lines are one text (HTML Standard, 9.2.6). */
export function eventOf(piece: string): Event | null {
  let name = "message";
  const data: string[] = [];
  for (const line of piece.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
