/** The columns that flows can be told in, and which are shown where nobody chose. */

export const CHOICES: readonly (readonly [string, string])[] = [
  ["time", "Time"],
  ["client", "Client"],
  ["server", "Server"],
  ["port", "Port"],
  ["sent", "Sent"],
  ["received", "Received"],
  ["volume", "Volume"],
  ["connections", "Connections"],
  ["failed", "Failed"],
  ["retransmissions", "Retransmitted"],
  ["timeouts", "Timeouts"],
  ["rtt", "Round trip"],
  ["connect", "Time to connect"],
  ["zones", "Zones"],
  ["verdict", "Verdict"],
  ["rule", "Rule"],
  ["reporter", "Told by"],
  ["service", "Service"],
];

export const USUAL = [
  "time",
  "client",
  "server",
  "port",
  "sent",
  "received",
  "volume",
  "connections",
  "failed",
  "retransmissions",
  "rtt",
  "zones",
  "verdict",
];

/** The chosen columns out of the URL, in their own order; unknown ones are left out. */
export function chosenOf(told: string): readonly string[] {
  const names = told ? told.split(",") : USUAL;
  return CHOICES.map(([key]) => key).filter((key) => names.includes(key));
}

/** What the URL says of a choice; "" for the usual one. */
export function toldOf(chosen: readonly string[]): string {
  const inOrder = CHOICES.map(([key]) => key).filter((key) => chosen.includes(key));
  return inOrder.join() === USUAL.join() ? "" : inOrder.join(",");
}
