/** Two weights side by side on the same image. */
import { api } from "../api";
import { el, fill, type Child } from "../dom";
import { percent, studyName } from "../format";
import { basePicture, overlaid } from "../picture";
import { address, type Page } from "../router";
import { text } from "../text";
import { attempt, fail } from "../toast";
import type { Comparison, Image, Model, Row, Study } from "../types";
import { densityBar, probabilityBar } from "./bars";

function choice(label: string, options: readonly [value: string, words: string][]): { node: HTMLElement; select: HTMLSelectElement } {
  const select = el("select", {}, options.map(([value, words]) => el("option", { value }, words)));
  return { node: el("label", { class: "field" }, el("span", {}, label), select), select };
}

function answer(said: Comparison, canvas: HTMLCanvasElement, words: Record<string, string>): HTMLElement {
  const [top] = [...said.findings].sort((one, other) => other.score - one.score);
  return el("section", { class: "card answer-of" },
    el("h2", {}, el("a", { href: address("models", said.model) }, said.model)),
    canvas,
    probabilityBar({
      label: text.results.malignancy, value: said.malignancy, interval: null, threshold: null, points: [], notSure: null,
    }),
    said.density && densityBar(said.density, words),
    el("p", {}, text.compare.findings(said.findings.length, top ? percent(top.score) : null)),
    el("p", { class: "quiet" }, text.compare.took(said.ms)));
}

async function show(place: HTMLElement, study: Study, image: Image, models: readonly string[]): Promise<void> {
  fill(place, el("p", { class: "quiet", role: "status" }, text.compare.asking));
  const [answers, base] = await Promise.all([api.compare(study.id, image.index, models), basePicture(image)]);
  const cards = answers.map((said) => {
    const canvas = el("canvas", { role: "img", "aria-label": text.compare.picture(said.model, image.name, percent(said.malignancy)) });
    void overlaid(canvas, image, base, { map: said.map, boxes: said.findings }).catch(fail);
    return answer(said, canvas, study.words.density);
  });
  const [one, other] = answers;
  const apart = one && other && one.malignancy !== null && other.malignancy !== null
    ? Math.abs(one.malignancy - other.malignancy) : null;
  fill(place,
    apart !== null && el("p", { class: "lead", role: "status" }, text.compare.apart(100 * apart)),
    el("div", { class: "side-by-side" }, cards));
}

function options(select: HTMLSelectElement, names: readonly string[], chosen: number): void {
  fill(select, names.map((name) => el("option", { value: name }, name)));
  select.selectedIndex = Math.min(chosen, names.length - 1);
}

function form(models: readonly Model[], rows: readonly Row[], place: HTMLElement): Child {
  const study = choice(text.compare.study, rows.map((row) => [row.id, studyName(row)]));
  const image = choice(text.compare.image, []);
  const first = choice(text.compare.first, []);
  const second = choice(text.compare.second, []);
  const alone = el("p", { class: "quiet" });
  const start = el("button", { type: "submit", class: "primary" }, text.compare.start);
  let open: Study | null = null;

  async function load(): Promise<void> {
    start.disabled = true;
    open = await api.study(study.select.value);
    const judged = open.images.filter((one) => one.refused === null);
    const names = models.map((model) => model.name);
    fill(image.select, judged.map((one) => el("option", { value: one.index }, one.name)));
    options(first.select, names, 0);
    options(second.select, names, 1);
    alone.textContent = names.length === 1 && names[0] ? text.compare.alone(names[0]) : "";
    start.disabled = judged.length === 0;
  }

  async function compare(): Promise<void> {
    const chosen = open?.images.find((one) => String(one.index) === image.select.value);
    if (!open || !chosen) return;
    start.disabled = true;
    try {
      await show(place, open, chosen, [first.select.value, second.select.value]);
    } catch (error) {
      fill(place);
      fail(error);
    }
    start.disabled = false;
  }

  study.select.addEventListener("change", () => attempt(load));
  attempt(load);
  const node = el("form", { class: "row form" }, study.node, image.node, first.node, second.node, start);
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(compare);
  });
  return [node, alone];
}

export function comparePage(): Page {
  const top = el("div", {}, el("p", { class: "quiet", role: "status" }, text.worklist.loading));
  const place = el("div", {});
  attempt(async () => {
    const [models, rows] = await Promise.all([api.models(), api.studies("created")]);
    const fit = models.filter((model) => model.purpose === "mammogram");
    const read = rows.filter((row) => !row.ultrasound);
    if (read.length > 0) fill(top, form(fit, read, place));
    else fill(top, el("div", { class: "empty" }, el("p", {}, text.compare.empty),
      el("a", { class: "button primary", href: address("study") }, text.worklist.begin)));
  });
  const node = el("div", { class: "page wide" }, el("h1", {}, text.compare.heading), el("p", { class: "lead" }, text.compare.lead), top, place);
  return { node, title: text.nav.compare };
}
