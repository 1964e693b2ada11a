/** Signing in at the OpenID provider: away with what must be remembered, back with a code that the hub exchanges. */

import { ask, send } from "./ask";
import { Problem } from "./problem";
import { session } from "./session.svelte";

const KEY = "fairway-signing-in";
const BACK = "/sign-in";

interface Kept {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Where somebody was. */
  readonly to: string;
}

/** The provider's name; null where there is none, or the hub does not say. */
export async function providerName(): Promise<string | null> {
  try {
    return (await ask("/api/v1/sign-in")).provider;
  } catch {
    return null;
  }
}

/** Go to the provider; a Problem where it cannot be reached. */
export async function leave(): Promise<void> {
  const { url, ...begun } = await send("post", "/api/v1/sign-in/begin", { redirect: redirect() });
  const kept: Kept = { ...begun, to: location.pathname + location.search };
  sessionStorage.setItem(KEY, JSON.stringify(kept));
  location.assign(url);
}

/** If this is the way back: be where somebody was, and exchange the code. Call it before the address is read. */
export function comeBack(): void {
  if (location.pathname !== BACK) return;
  const told = new URLSearchParams(location.search);
  const kept = taken();
  // The code is worth nothing to others, but it has no business in the address.
  history.replaceState(null, "", kept?.to ?? "/");
  const error = told.get("error");
  if (error) session.leave(`The provider did not sign you in: ${told.get("error_description") ?? error}`);
  else if (!kept || kept.state !== told.get("state")) session.leave("This sign-in was not begun in this tab");
  else void exchange(kept, told.get("code") ?? "");
}

async function exchange({ nonce, verifier }: Kept, code: string): Promise<void> {
  session.coming = true;
  try {
    const given = { code, nonce, verifier, redirect: redirect() };
    session.enter((await send("post", "/api/v1/sign-in", given)).token);
  } catch (error) {
    session.leave(error instanceof Problem ? error.detail : String(error));
  }
  session.coming = false;
}

function redirect(): string {
  return location.origin + BACK;
}

function taken(): Kept | null {
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return kept === null ? null : (JSON.parse(kept) as Kept);
}
