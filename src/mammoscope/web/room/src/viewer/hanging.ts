import type { Box, Study, StudyImage } from "./types";

export const SLOTS = 4;

/** Images by slot (R CC, L CC, R MLO, L MLO); where no image has a slot, the first four in their order. */
export function hang(study: Study): (StudyImage | null)[] {
  const hung: (StudyImage | null)[] = Array.from({ length: SLOTS }, () => null);
  for (const image of study.images) {
    if (image.slot !== null && image.slot >= 0 && image.slot < SLOTS && !hung[image.slot]) hung[image.slot] = image;
  }
  if (hung.some(Boolean)) return hung;
  return hung.map((_, place) => study.images[place] ?? null);
}

/** The order of next and previous: the hung images first, then those without a place. */
export function readingOrder(study: Study): StudyImage[] {
  const hung = hang(study).filter((image) => image !== null);
  return [...hung, ...study.images.filter((image) => !hung.includes(image))];
}

/** The prior image to compare with: same slot, else same side and view. */
export function priorOf(image: StudyImage, prior: Study): StudyImage | null {
  const same = prior.images.filter((other) => other.laterality === image.laterality && other.view === image.view);
  const slot = prior.images.find((other) => other.slot !== null && other.slot === image.slot);
  return slot ?? (image.view ? same[0] : undefined) ?? null;
}

/** Where the chest wall hangs: right breasts have it at the right edge of their pane, left breasts at the left. */
export function chestWall(image: StudyImage): "left" | "right" | null {
  if (image.laterality === "R") return "right";
  return image.laterality === "L" ? "left" : null;
}

const AIR = 1.04;

/**
 * The study with what each image's pane is filled with: a part as large (in mm, else in pixels) in every
 * image, so that all breasts are shown at one scale, and large enough for the largest of them.
 */
export function fittedTogether(study: Study): Study {
  const known = study.images.every((image) => image.spacing_mm !== null);
  const unit = (image: StudyImage): [number, number] => (known && image.spacing_mm) || [1, 1];
  const breasts = study.images.filter((image) => image.breast_px);
  const most = (side: 0 | 1): number => AIR * Math.max(0, ...breasts.map((image) => extent(image)[side] * unit(image)[side]));
  const [height, width] = [most(0), most(1)];
  const images = study.images.map((image) => {
    const [row, column] = unit(image);
    return image.breast_px ? { ...image, fit_px: part(image, height / row, width / column) } : image;
  });
  return { ...study, images };
}

/** Rows and columns of the breast; columns are counted from the edge of the image that it lies at. */
function extent(image: StudyImage): [number, number] {
  const [left, top, right, bottom] = image.breast_px!;
  return [bottom - top, left < image.width - right ? right : image.width - left];
}

/** Part of an image of this size, about the breast, and inside the image where it fits in there. */
function part(image: StudyImage, height: number, width: number): Box {
  const [left, top, right, bottom] = image.breast_px!;
  const down = Math.min(Math.max(0, (top + bottom - height) / 2), Math.max(0, image.height - height));
  const along = left < image.width - right ? 0 : Math.max(0, image.width - width);
  return [along, down, along + width, down + height];
}
