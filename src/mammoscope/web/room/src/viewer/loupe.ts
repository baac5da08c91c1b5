import type { StudyImage } from "./types";

const SIZE = 240;

export interface Looked {
  image: StudyImage;
  values: ArrayLike<number>;
  lower: number;
  upper: number;
  inverted: boolean;
  flip: 1 | -1;
}

/** A magnifying glass: windowed on the spot from the stored values, so it shows more than the pane has pixels for. */
export class Loupe {
  readonly canvas = document.createElement("canvas");
  private readonly context = this.canvas.getContext("2d")!;

  constructor() {
    this.canvas.className = "mv-loupe";
    this.canvas.setAttribute("aria-hidden", "true");
    this.hide();
  }

  hide(): void {
    this.canvas.hidden = true;
  }

  /** Show the surroundings of a source point; `step` is source pixels per CSS pixel of the glass. */
  show(looked: Looked, source: [number, number], at: [number, number], step: number): void {
    const ratio = window.devicePixelRatio || 1;
    const side = Math.round(SIZE * ratio);
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    this.context.putImageData(sampled(looked, source, step / ratio, side, this.context), 0, 0);
    this.canvas.style.transform = `translate(${at[0] - SIZE / 2}px, ${at[1] - SIZE / 2}px)`;
    this.canvas.hidden = false;
  }
}

function sampled(looked: Looked, source: [number, number], step: number, side: number, into: CanvasRenderingContext2D) {
  const pixels = into.createImageData(side, side);
  const grey = new Uint32Array(pixels.data.buffer);
  const { width, height } = looked.image;
  const gain = 255 / (looked.upper - looked.lower);
  for (let j = 0; j < side; j++) {
    const y = Math.floor(source[1] + (j - side / 2) * step);
    for (let i = 0; i < side; i++) {
      const x = Math.floor(source[0] + (i - side / 2) * step * looked.flip);
      const outside = x < 0 || y < 0 || x >= width || y >= height;
      const stored = outside ? 0 : looked.values[y * width + x]!;
      const shown = outside ? 0 : Math.min(255, Math.max(0, (stored - looked.lower) * gain));
      const level = Math.round(looked.inverted && !outside ? 255 - shown : shown);
      grey[j * side + i] = 0xff000000 | (level << 16) | (level << 8) | level;
    }
  }
  return pixels;
}
