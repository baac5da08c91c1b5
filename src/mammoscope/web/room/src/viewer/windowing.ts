import { texts } from "./text";
import type { StudyImage, Window } from "./types";

/** Smallest and largest stored value of an image. */
export interface Range {
  min: number;
  max: number;
}

export function rangeOf(values: Uint8Array | Uint16Array): Range {
  let min = values[0] ?? 0;
  let max = min;
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    else if (value > max) max = value;
  }
  return { min, max };
}

/** Windows are DICOM's LINEAR ones, which reach over width - 1 real units about center - 0.5 (PS3.3 C.11.2.1.2.1). */
const spanOf = (window: Window): number => Math.max(window.width - 1, 0);

/** The window that shows every value, in real units (value * slope + intercept). */
export function fullRange(image: StudyImage, range: Range): Window {
  const ends = [range.min, range.max].map((value) => value * image.slope + image.intercept);
  const low = Math.min(...ends);
  const width = Math.max(...ends) - low + 1;
  return { center: low + width / 2, width };
}

export function firstWindow(image: StudyImage, range: Range): Window {
  const first = image.windows[0];
  return first ? { center: first.center, width: first.width } : fullRange(image, range);
}

export function presetsOf(image: StudyImage): string[] {
  return [...image.windows.map((window) => window.name), texts.fullRange];
}

export function presetOf(image: StudyImage, name: string, range: Range): Window | null {
  if (name === texts.fullRange) return fullRange(image, range);
  const found = image.windows.find((window) => window.name === name);
  return found ? { center: found.center, width: found.width } : null;
}

/** Stored values at the two ends of a window; `lower > upper` cannot occur. */
export function storedEnds(image: StudyImage, window: Window): { lower: number; upper: number } {
  const half = spanOf(window) / 2;
  const ends = [window.center - 0.5 - half, window.center - 0.5 + half];
  const [a, b] = ends.map((real) => (real - image.intercept) / image.slope) as [number, number];
  const lower = Math.min(a, b);
  return { lower, upper: Math.max(a, b, lower + 1e-3) };
}

/** White is the high stored value unless the file says otherwise or a negative slope turns the scale round. */
export function startsInverted(image: StudyImage): boolean {
  return image.low_is_white !== image.slope < 0;
}

/** A window, the one its image began with, and whether low values are white there. */
export interface Windowed {
  window: Window;
  firstWindow: Window;
  lowIsWhite: boolean;
}

/** The window reached by a drag of (dx, dy) screen pixels: right is wider, down is darker. */
export function dragged({ window, lowIsWhite }: Windowed, dx: number, dy: number): Window {
  const width = 1 + spanOf(window) * Math.exp(dx / 300);
  return { width, center: window.center + ((lowIsWhite ? -dy : dy) * spanOf(window)) / 400 };
}

/** The same change of window for an image whose first window or polarity differs. */
export function carried(from: Windowed, to: Windowed): Window {
  const ratio = spanOf(to.firstWindow) / (spanOf(from.firstWindow) || 1);
  const darker = (from.window.center - from.firstWindow.center) * ratio;
  const center = to.firstWindow.center + (from.lowIsWhite === to.lowIsWhite ? darker : -darker);
  return { center, width: 1 + spanOf(from.window) * ratio };
}

export function written(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3).replace(/\.?0+$/, "");
}
