import type { Box, Point, StudyImage } from "./types";

/** Which source point stands in the middle of a pane, and how large: `scale` is CSS pixels per source row. */
export interface View {
  focus: Point;
  scale: number;
}

export interface Frame {
  width: number;
  height: number;
  flip: 1 | -1;
  wall: "left" | "right" | null;
}

/** A view told apart from the size of image and pane, so that another image can take it over. */
export interface Relative {
  zoom: number;
  /** Away from the chest wall, and down; both in image heights. */
  out: number;
  down: number;
}

/** Width of a source pixel over its height. */
export function aspect(image: StudyImage): number {
  const [row, column] = image.spacing_mm ?? [1, 1];
  return column / row;
}

/** The breast with the chest wall against the edge of the pane, or the whole image where no breast is known. */
export function fitted(image: StudyImage, frame: Frame): View {
  const across = aspect(image);
  const [left, top, right, bottom] = image.fit_px ?? [0, 0, image.width, image.height];
  const scale = Math.min(frame.width / ((right - left) * across), frame.height / (bottom - top));
  const half = frame.width / 2 / (scale * across);
  const atEnd = frame.wall && (frame.wall === "right") === (frame.flip === 1);
  const x = !frame.wall ? (left + right) / 2 : atEnd ? image.width - half : half;
  return { focus: [x, (top + bottom) / 2], scale };
}

export function relative(image: StudyImage, frame: Frame, view: View): Relative {
  const fit = fitted(image, frame);
  const shift = (view.focus[0] - fit.focus[0]) * frame.flip * outward(frame);
  return {
    zoom: view.scale / fit.scale,
    out: (shift * aspect(image)) / image.height,
    down: (view.focus[1] - fit.focus[1]) / image.height,
  };
}

export function absolute(image: StudyImage, frame: Frame, share: Relative): View {
  const fit = fitted(image, frame);
  const shift = ((share.out * image.height) / aspect(image)) * frame.flip * outward(frame);
  return {
    focus: [fit.focus[0] + shift, fit.focus[1] + share.down * image.height],
    scale: fit.scale * share.zoom,
  };
}

function outward(frame: Frame): 1 | -1 {
  return frame.wall === "right" ? -1 : 1;
}

/** Source point under the pane's point (CSS pixels from its top left corner). */
export function toSource(image: StudyImage, frame: Frame, view: View, at: Point): Point {
  return [
    view.focus[0] + ((at[0] - frame.width / 2) * frame.flip) / (view.scale * aspect(image)),
    view.focus[1] + (at[1] - frame.height / 2) / view.scale,
  ];
}

/** Where a source point stands in the pane. */
export function toPane(image: StudyImage, frame: Frame, view: View, at: Point): Point {
  return [
    frame.width / 2 + (at[0] - view.focus[0]) * frame.flip * view.scale * aspect(image),
    frame.height / 2 + (at[1] - view.focus[1]) * view.scale,
  ];
}

/** Zoom by a factor so that the source point under `at` stays where it is. */
export function zoomedAt(image: StudyImage, frame: Frame, view: View, factor: number, at: Point): View {
  const least = fitted(image, frame).scale / 4;
  const scale = Math.min(32, Math.max(least, view.scale * factor));
  const held = toSource(image, frame, view, at);
  const moved = toSource(image, frame, { ...view, scale }, at);
  return { scale, focus: [view.focus[0] + held[0] - moved[0], view.focus[1] + held[1] - moved[1]] };
}

/** The view in which a box fills about a third of the pane. */
export function around(image: StudyImage, frame: Frame, box: Box): View {
  const across = Math.max(1, (box[2] - box[0]) * aspect(image));
  const down = Math.max(1, box[3] - box[1]);
  const scale = Math.min(frame.width / 3 / across, frame.height / 3 / down, 4);
  return { focus: [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], scale };
}

/** A box with ordered whole corners inside the image, or null where it is smaller than 4 pixels. */
export function clipped(image: StudyImage, from: Point, to: Point): Box | null {
  const inside = (value: number, end: number) => Math.round(Math.min(end, Math.max(0, value)));
  const box: Box = [
    inside(Math.min(from[0], to[0]), image.width),
    inside(Math.min(from[1], to[1]), image.height),
    inside(Math.max(from[0], to[0]), image.width),
    inside(Math.max(from[1], to[1]), image.height),
  ];
  return box[2] - box[0] >= 4 && box[3] - box[1] >= 4 ? box : null;
}

/** Length of a line between two source points, in mm where the image says how large its pixels are. */
export function lengthOf(image: StudyImage, from: Point, to: Point): { value: number; unit: "mm" | "px" } {
  const [row, column] = image.spacing_mm ?? [1, 1];
  const value = Math.hypot((to[0] - from[0]) * column, (to[1] - from[1]) * row);
  return { value, unit: image.spacing_mm ? "mm" : "px" };
}
