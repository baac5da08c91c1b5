/** Values as a reader sees them, in the words of the page's language. */
import { wholePercent } from "./numbers";
import { text } from "./text";

/** A probability in whole percent; in words where there is none. */
export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? text.notJudged : wholePercent(share);
}

/** Day and minute in the reader's own manner of writing. */
export function moment(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toLocaleString(text.language, { dateStyle: "medium", timeStyle: "short" });
}

/** The day alone. */
export function day(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : date.toLocaleDateString(text.language, { dateStyle: "medium" });
}

/** The name of a study: the given one where this session may see it, else the neutral one. */
export function studyName(study: { name: string | null; label: string }): string {
  return study.name ?? study.label;
}
