/** What the viewer shows and tells; boxes are [x1, y1, x2, y2] in source pixels, whatever the flip on the screen. */

export type Box = [number, number, number, number];
export type Point = [number, number];
export type Tool = "window" | "pan" | "zoom" | "length" | "region" | "magnify";
export type Layout = "four" | "single" | "prior";

export interface Window {
  center: number;
  width: number;
}

export interface StudyImage {
  index: number;
  name: string;
  laterality: string | null;
  view: string | null;
  slot: number | null;
  mirrored: boolean;
  width: number;
  height: number;
  dtype: "uint8" | "uint16";
  slope: number;
  intercept: number;
  low_is_white: boolean;
  windows: { name: string; center: number; width: number }[];
  spacing_mm: [number, number] | null;
  values_url: string | null;
  map_url: string | null;
  findings: { box_px: Box; score: number; label: string }[];
  /** Around the breast; null where none was looked for. */
  breast_px: Box | null;
  /** What a pane is filled with at first: see `fittedTogether`. */
  fit_px?: Box;
}

export interface Study {
  id: string;
  images: StudyImage[];
}

export interface Region {
  box_px: Box;
  text: string;
  kind: "region" | "mark";
}

export interface Measure {
  from: Point;
  to: Point;
}

export interface ViewerState {
  layout: Layout;
  active: number | null;
  tool: Tool;
  inverted: boolean;
  mapOpacity: number;
  boxes: boolean;
  sync: boolean;
  /** Screen pixels (of the device) per source pixel of the active image. */
  zoom: number;
  window: Window | null;
}

export interface ViewerEvents {
  onRegion(image: number, box: Box, study: string): void;
  onActive(image: number): void;
  onState(state: ViewerState): void;
  onProgress(image: number, fraction: number): void;
  onError(image: number, message: string): void;
}
