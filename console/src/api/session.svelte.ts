/** Whose console this is. The token stays in this tab and ends with it. */

const KEY = "fairway-token";

class Session {
  #token = $state("");
  /** Why somebody who was signed in is not any more. */
  reason = $state("");
  /** Whether somebody is back from the provider, and the hub is asked for their token. */
  coming = $state(false);

  /** Take up a token: of the address's fragment, which no server ever sees, else of this tab. */
  open(): void {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (given) {
      history.replaceState(null, "", location.pathname + location.search);
      this.enter(given);
    } else {
      this.#token = sessionStorage.getItem(KEY) ?? "";
    }
  }

  get token(): string {
    return this.#token;
  }

  enter(token: string): void {
    this.#token = token;
    this.reason = "";
    sessionStorage.setItem(KEY, token);
  }

  leave(reason = ""): void {
    this.#token = "";
    this.reason = reason;
    sessionStorage.removeItem(KEY);
  }
}

export const session = new Session();
