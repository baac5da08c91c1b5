import type { Study, StudyImage } from "./types";

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
