/** A flow in the URL: flows have no names of their own, but these words tell one from all others. */

import type { Flow } from "./pages.svelte";

export function pickOf(flow: Flow): string {
  return [flow.time, flow.reporter, flow.client.address, flow.server.address, flow.protocol, flow.port].join(
    "|",
  );
}

/** The question that finds a picked flow again; null for words that are none. */
export function questionOf(pick: string): { q: string; since: string; until: string } | null {
  const [time, , client, server, protocol, port] = pick.split("|");
  const at = Date.parse(time ?? "");
  if (!time || !client || !server || !protocol || !port || Number.isNaN(at)) return null;
  // A moment in the browser has milliseconds, the hub's microseconds.
  const around = (by: number) => new Date(at + by).toISOString();
  return {
    q: `src.ip=${client} dst.ip=${server} proto=${protocol} dst.port=${port}`,
    since: around(-1),
    until: around(2),
  };
}
