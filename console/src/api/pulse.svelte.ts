/** Whether the hub is there, and the beat to which live pages ask again. */

const LIVE_EVERY = 5000;

class Pulse {
  /** Counts up while the console is live: whoever reads it asks again. */
  beat = $state(0);
  /** Since when the hub has not answered, in milliseconds since 1970; 0 while it does. */
  awaySince = $state(0);
  /** The time by the second, for "3 min ago". */
  now = $state(Date.now());
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Start the clock. */
  open(): void {
    setInterval(() => (this.now = Date.now()), 1000);
  }

  /** Beat or rest; a tab that nobody looks at rests. */
  live(on: boolean): void {
    clearInterval(this.#timer);
    if (!on) return;
    this.#timer = setInterval(() => {
      if (!document.hidden) this.beat += 1;
    }, LIVE_EVERY);
  }

  heard(): void {
    if (this.awaySince) this.awaySince = 0;
  }

  missed(): void {
    if (!this.awaySince) this.awaySince = Date.now();
  }
}

export const pulse = new Pulse();
