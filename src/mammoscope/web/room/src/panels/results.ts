/** What the program says of a study: probabilities, density, doubts, warnings. */
import { urls } from "../api";
import { el, icon, type Child } from "../dom";
import { day, moment, studyName } from "../format";
import { ICONS } from "../icons";
import { heading } from "../numbers";
import { address } from "../router";
import { text } from "../text";
import type { Study } from "../types";
import { classBars, densityBar, flagWords, pointLegend, probabilityBar, scale, sureWords } from "./bars";

export function section(title: string, ...children: Child[]): HTMLElement {
  return el("section", { class: "part" }, el("h2", {}, title), children);
}

/** Name, verdict and the exam's number: what is read first. */
export function headline(study: Study): HTMLElement {
  const { exam } = study.report;
  return el("section", { class: "part head" },
    el("h1", {}, studyName(study)),
    el("small", {}, moment(study.created), study.expires && ` · ${text.results.expires(day(study.expires))}`),
    !study.ultrasound && el("p", { class: "verdict" },
      el("span", { class: "row" }, flagWords(exam.flag), exam.sure === false && sureWords(false)),
      el("span", {}, study.words.verdict_detail)));
}

/** Bars of exam and breasts with the operating points they are held against. */
export function malignancy(study: Study): HTMLElement | null {
  if (study.ultrasound) return null;
  const { exam, breasts } = study.report;
  const legend = pointLegend(study.points);
  const held = {
    threshold: exam.operating_point?.threshold ?? null, points: study.points, notSure: exam.not_sure, onPoint: legend.tell,
  };
  const sides = (["R", "L"] as const).map((side) => probabilityBar({
    ...held, label: text.breast[side], value: breasts[side].malignancy, interval: breasts[side].malignancy_interval,
  }));
  const doubted = (["R", "L"] as const).filter((side) => breasts[side].sure === false).map((side) => text.breast[side]);
  return section(text.results.malignancy,
    probabilityBar({ ...held, label: text.results.exam, value: exam.malignancy, interval: exam.malignancy_interval }),
    sides,
    scale(),
    legend.node,
    el("p", { class: "row" }, sureWords(exam.sure, text.results.exam), doubted.map((side) => sureWords(false, side))),
    el("details", {}, el("summary", {}, text.results.meaning),
      (doubted.length > 0 || exam.sure === false) && el("p", { class: "quiet" }, study.words.not_sure ?? text.results.notSureDetail),
      study.words.interval && el("p", { class: "quiet" }, study.words.interval),
      study.words.calibration && el("p", { class: "quiet" }, study.words.calibration)));
}

export function density(study: Study): HTMLElement | null {
  const { density: shares } = study.report.exam;
  return shares && section(text.results.density, densityBar(shares, study.words.density));
}

/** Class probabilities of each ultrasound picture. */
export function ultrasound(study: Study): HTMLElement | null {
  const pictures = study.images.filter((image) => image.ultrasound !== null);
  if (pictures.length === 0) return null;
  return section(text.results.ultrasound, pictures.map((image) => {
    const said = image.ultrasound;
    return said && el("div", { class: "picture" },
      pictures.length > 1 && el("h3", {}, image.name),
      classBars(said.classes),
      el("p", {}, flagWords(said.flag)),
      el("p", { class: "quiet" }, text.point(said.operating_point)));
  }));
}

/** Warnings and refusals, each with the picture it is about. */
export function warnings(study: Study): HTMLElement | null {
  const exam = study.report.exam.warnings.map((line) => el("li", {}, line));
  const images = study.images.flatMap((image) => [
    ...(image.refused ? [el("li", { class: "refused" }, icon(ICONS.refused), el("b", {}, text.results.refused(image.name)), " ", image.refused)] : []),
    ...image.warnings.map((line) => el("li", {}, el("b", {}, `${image.name}: `), line)),
  ]);
  const all = [...exam, ...images];
  return all.length === 0 ? null : section(text.results.warnings, el("ul", { class: "warnings" }, all));
}

export function downloads(study: Study): HTMLElement {
  const link = (url: string, label: string): HTMLElement => el("li", {}, el("a", { href: urls.download(url) }, label));
  return section(text.results.downloads,
    el("ul", { class: "links" },
      el("li", {}, el("a", { href: urls.report(study.id), target: "_blank", rel: "noopener" }, text.results.openReport)),
      link(urls.report(study.id), text.results.report),
      link(urls.json(study.id), text.results.json),
      study.images.map((image) => image.refused === null &&
        link(image.overlay_url ?? urls.overlay(study.id, image.index), text.results.overlay(image.name)))),
    el("p", { class: "quiet" }, text.results.model, " ",
      el("a", { href: address("models", study.model.name) }, heading(study.model.name)),
      study.model.runtime && ` · ${study.model.runtime}`));
}
