const SLOW_MS = 50;
const SLOW_FRAMES = 3;
const STILL_MS = 400;

/**
 * Keeps windowing and zooming fluid where the browser draws without a graphics card.
 *
 * `coarsen(true)` is called while the picture moves on a machine whose frames were found late, and `coarsen(false)`
 * as soon as it stands still, so that what is looked at is always drawn in full.
 */
export class Pace {
  private late = 0;
  private coarse = false;
  private frame = 0;
  private rest: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly coarsen: (on: boolean) => void) {}

  /** The picture is being changed by hand. */
  moved(): void {
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.stop(), STILL_MS);
    if (this.late < SLOW_FRAMES) this.measure();
    else if (!this.coarse) this.turn(true);
  }

  stop(): void {
    clearTimeout(this.rest);
    if (this.coarse) this.turn(false);
  }

  /** How long the browser takes to come to the next frame: it waits for the drawing of the last. */
  private measure(): void {
    if (this.frame) return;
    const asked = performance.now();
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.late = performance.now() - asked > SLOW_MS ? this.late + 1 : 0;
    });
  }

  private turn(on: boolean): void {
    this.coarse = on;
    this.coarsen(on);
  }
}
