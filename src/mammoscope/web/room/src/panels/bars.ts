/** Probabilities and densities as bars from 0 to 100 %. */
import { el, icon, place } from "../dom";
import { percent } from "../format";
import { ICONS } from "../icons";
import { heading } from "../numbers";
import { text } from "../text";
import type { ClassProbability, Density, OperatingPoint, Range } from "../types";

const share = (value: number): string => `${(100 * Math.min(1, Math.max(0, value))).toFixed(2)}%`;

export interface Probability {
  label: string;
  value: number | null;
  interval: Range | null;
  /** The probability from which on the bar counts as above. */
  threshold: number | null;
  points: readonly OperatingPoint[];
  notSure: { low: number; high: number } | null;
  onPoint?: (point: OperatingPoint | null) => void;
}

function tick(point: OperatingPoint, bar: Probability): HTMLElement {
  const mark = el("i", { class: point.chosen ? "tick chosen" : "tick", title: text.point(point) });
  mark.addEventListener("mouseenter", () => bar.onPoint?.(point));
  mark.addEventListener("mouseleave", () => bar.onPoint?.(null));
  return place(mark, { "--at": share(point.threshold) });
}

/** A calibrated bar: value, 95 % interval as a band, operating points as ticks. */
export function probabilityBar(bar: Probability): HTMLElement {
  const { value, interval, notSure, threshold } = bar;
  const above = value !== null && threshold !== null && value >= threshold;
  const parts: HTMLElement[] = [];
  if (notSure) parts.push(place(el("i", { class: "unsure", title: text.results.notSureZone }),
    { "--at": share(notSure.low), "--to": share(notSure.high - notSure.low) }));
  if (value !== null) parts.push(place(el("i", { class: above ? "filled above" : "filled" }), { "--to": share(value) }));
  if (interval) parts.push(place(el("i", { class: "band" }),
    { "--at": share(interval[0]), "--to": share(interval[1] - interval[0]) }));
  return el(
    "div",
    { class: "measure" },
    el("div", { class: "named" },
      el("span", {}, bar.label),
      el("span", {}, interval && el("small", {}, text.results.interval(interval)), " ", el("b", {}, percent(value)))),
    el("div", { class: "bar", role: "img", "aria-label": text.results.barSaid(bar.label, value, interval) },
      parts, bar.points.map((point) => tick(point, bar))),
  );
}

export function scale(): HTMLElement {
  return el("div", { class: "scale", "aria-hidden": "true" }, ["0", "25", "50", "75", "100"].map((at) =>
    place(el("span", {}, at === "100" ? "100 %" : at), { "--at": `${at}%` })));
}

/** The operating points by name; the one in focus or under the mouse is told below. */
export function pointLegend(points: readonly OperatingPoint[]): {
  node: HTMLElement;
  tell(point: OperatingPoint | null): void;
} {
  const usual = points.find((point) => point.chosen) ?? null;
  const told = el("p", { class: "quiet told", "aria-live": "polite" });
  const tell = (point: OperatingPoint | null): void => {
    const one = point ?? usual;
    told.textContent = one ? text.point(one) : "";
  };
  const buttons = points.map((point) =>
    el("button",
      {
        type: "button", class: "chip", title: point.description ?? null,
        mouseenter: () => tell(point), mouseleave: () => tell(null),
        focus: () => tell(point), blur: () => tell(null), click: () => tell(point),
      },
      el("i", { class: point.chosen ? "tick chosen" : "tick" }),
      `${heading(point.name)} ${percent(point.threshold)}`));
  tell(null);
  return { node: el("div", { class: "points" }, el("div", { class: "chips" }, buttons), told), tell };
}

const GRADES = ["A", "B", "C", "D"] as const;

export function densityBar(density: Density, words: Record<string, string>): HTMLElement {
  const top = GRADES.reduce((best, grade) => (density[grade] > density[best] ? grade : best), "A");
  const parts = GRADES.map((grade) =>
    place(el("i", { class: `grade grade-${grade}${grade === top ? " top" : ""}`, title: text.density(grade, density[grade], words) },
      density[grade] >= 0.09 ? grade : ""), { "--share": density[grade].toFixed(4) }));
  const said = GRADES.map((grade) => `${grade} ${percent(density[grade])}`).join(", ");
  return el("div", { class: "measure" },
    el("div", { class: "named" }, el("span", {}, text.density(top, null, words)), el("b", {}, `${top} ${percent(density[top])}`)),
    el("div", { class: "density", role: "img", "aria-label": text.results.densitySaid(said) }, parts),
    el("p", { class: "quiet", "aria-hidden": "true" }, said));
}

/** One plain bar for each class. */
export function classBars(classes: readonly ClassProbability[]): HTMLElement {
  return el("div", { class: "classes" }, classes.map(({ name, probability }) =>
    el("div", { class: "class" },
      el("span", {}, heading(name)),
      el("div", { class: "bar thin", "aria-hidden": "true" },
        place(el("i", { class: name === "malignant" ? "filled above" : "filled" }), { "--to": share(probability) })),
      el("b", {}, percent(probability)))));
}

/** A flag in words with its sign: never by colour alone. */
export function flagWords(flag: boolean | null): HTMLElement {
  const kind = flag === null ? "none" : flag ? "above" : "below";
  const sign = flag === null ? ICONS.clear : flag ? ICONS.flag : ICONS.done;
  return el("span", { class: `flag ${kind}` }, icon(sign), text.flag[kind]);
}

/** Sure or not, in words with a sign; `what` says of what where several stand together. */
export function sureWords(sure: boolean | null, what = ""): HTMLElement {
  const word = sure === null ? text.notJudged : sure ? text.sure : text.notSure;
  const said = what ? text.results.judgedOf(what, word) : word;
  if (sure === null) return el("span", { class: "quiet" }, said);
  return el("span", { class: sure ? "sure" : "sure not" }, icon(sure ? ICONS.done : ICONS.unsure), said);
}
