import type { Pane } from "./pane";
import { texts } from "./text";
import type { Box } from "./types";
import { aspect, clipped } from "./view";

const STEP = 10;

/** Move (or, with `resize`, stretch) the dashed rectangle by steps of ten screen pixels; makes one where none is. */
export function nudge(pane: Pane, dx: number, dy: number, resize: boolean): string {
  const { image } = pane;
  if (!image) return "";
  const step = [(dx * STEP * pane.frame.flip) / (pane.view.scale * aspect(image)), (dy * STEP) / pane.view.scale] as const;
  const box = pane.draft?.kind === "box" ? pane.draft.box : centred(pane);
  const moved = resize ? stretched(box, step[0] * pane.frame.flip, step[1]) : shifted(box, step[0], step[1]);
  pane.draft = { kind: "box", box: moved };
  pane.mark();
  const whole = moved.map(Math.round) as Box;
  return texts.region(whole[0], whole[1], whole[2] - whole[0], whole[3] - whole[1]);
}

/** The rectangle as drawn, in whole source pixels inside the image; null where there is none. */
export function drafted(pane: Pane): Box | null {
  if (!pane.image || pane.draft?.kind !== "box") return null;
  const [x1, y1, x2, y2] = pane.draft.box;
  return clipped(pane.image, [x1, y1], [x2, y2]);
}

/** In the middle of what is looked at: of the pane, or of the breast at its wall while the whole image shows. */
function centred(pane: Pane): Box {
  const { width, height, wall } = pane.frame;
  const middle = !pane.isFitted || !wall ? 0.5 : wall === "right" ? 0.82 : 0.18;
  const [ax, ay] = pane.toSource([width * (middle - 0.1), height * 0.4]);
  const [bx, by] = pane.toSource([width * (middle + 0.1), height * 0.6]);
  return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
}

function shifted([x1, y1, x2, y2]: Box, dx: number, dy: number): Box {
  return [x1 + dx, y1 + dy, x2 + dx, y2 + dy];
}

/** Grow or shrink about the middle, so that the flip of the screen does not matter. */
function stretched([x1, y1, x2, y2]: Box, wider: number, taller: number): Box {
  const width = Math.max(8, x2 - x1 + 2 * wider);
  const height = Math.max(8, y2 - y1 + 2 * taller);
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}
