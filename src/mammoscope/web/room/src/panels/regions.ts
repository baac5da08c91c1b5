/** The region tool: what the network says of the squares a reader draws, and the marks kept of them. */
import { api, urls } from "../api";
import { el, fill, icon } from "../dom";
import { percent } from "../format";
import { ICONS } from "../icons";
import type { Reading } from "../reading";
import { text } from "../text";
import { attempt, fail } from "../toast";
import type { Mark, MarkLabel, RegionAnswer } from "../types";
import type { Box } from "../viewer";
import { classBars } from "./bars";
import { enhancing } from "./enhancing";
import { section } from "./results";

const WAIT_MS = 120;
const LABELS: readonly MarkLabel[] = ["suspicious", "malignant", "benign", "missed"];

interface Drawn {
  image: number;
  box: Box;
  answer: RegionAnswer | null;
  /** Malignancy as answered without sharpening and contrast, to hold the enhanced one against. */
  plain: number | null;
  asked: number;
}

export interface Regions {
  node: HTMLElement;
  add(image: number, box: Box): void;
}

export function regions(reading: Reading): Regions {
  const { study, viewer } = reading;
  const drawn: Drawn[] = [];
  const marks: Mark[] = [...study.marks];
  const touched = new Set<number>();
  let chosen: Drawn | null = null;
  let timer = 0;

  const list = el("ul", { class: "regions" });
  const kept = el("div", {});
  const said = el("p", { role: "status", class: "unseen" });
  const knobs = enhancing(() => {
    clearTimeout(timer);
    timer = window.setTimeout(() => chosen && void ask(chosen), WAIT_MS);
  });
  const nameOf = (image: number): string => study.images.find((one) => one.index === image)?.name ?? String(image);

  /** Tells the viewer what to draw on each picture that has, or had, something. */
  function draw(): void {
    for (const one of [...drawn, ...marks]) touched.add(one.image);
    for (const image of touched) {
      viewer.setRegions(image, [
        ...drawn.filter((one) => one.image === image).map((one) => ({
          box_px: one.box, kind: "region" as const,
          text: `${drawn.indexOf(one) + 1}: ${one.answer ? percent(one.answer.region.malignancy) : "…"}`,
        })),
        ...marks.filter((one) => one.image === image).map((one) => ({
          box_px: one.box_px, kind: "mark" as const, text: text.region.labels[one.label],
        })),
      ]);
    }
  }

  /** Asks for one region; an answer that a later question has overtaken is dropped. */
  async function ask(one: Drawn): Promise<void> {
    const turn = ++one.asked;
    const { sharpen, contrast } = knobs.values();
    try {
      const answer = await api.region(study.id, one.image, one.box, sharpen, contrast);
      if (turn !== one.asked || !drawn.includes(one)) return;
      one.answer = answer;
      if (sharpen === 0 && contrast === 0) one.plain = answer.region.malignancy;
      said.textContent = text.region.told(drawn.indexOf(one) + 1, percent(answer.region.malignancy));
    } catch (error) {
      fail(error);
      if (one.answer === null) forget(one);
    }
    paint();
  }

  function forget(one: Drawn): void {
    drawn.splice(drawn.indexOf(one), 1);
    if (chosen === one) chosen = drawn.at(-1) ?? null;
    paint();
  }

  async function keep(one: Drawn, label: MarkLabel, note: string): Promise<void> {
    marks.push(await api.mark(study.id, { image: one.image, box_px: one.box, label, note }));
    forget(one);
    said.textContent = text.region.kept;
  }

  async function drop(mark: Mark): Promise<void> {
    await api.deleteMark(study.id, mark.id);
    marks.splice(marks.indexOf(mark), 1);
    said.textContent = text.region.deleted;
    paint();
  }

  function keeping(one: Drawn): HTMLElement {
    const label = el("select", { "aria-label": text.region.label }, LABELS.map((name) => el("option", { value: name }, text.region.labels[name])));
    const note = el("input", { type: "text", maxlength: 500, placeholder: text.region.note, "aria-label": text.region.note });
    return el("div", { class: "row keep" }, label, note,
      el("button", { type: "button", click: () => attempt(() => keep(one, label.value as MarkLabel, note.value)) }, text.region.keep));
  }

  function card(one: Drawn, at: number): HTMLElement {
    const answer = one.answer;
    const title = `${at + 1} · ${nameOf(one.image)}`;
    const choose = (): void => {
      chosen = one;
      reading.goTo(one.image, one.box);
      paint();
    };
    return el("li", { class: one === chosen ? "region chosen" : "region" },
      el("div", { class: "named" },
        el("button", { type: "button", class: "plain title", "aria-pressed": String(one === chosen), title: text.region.choose, click: choose }, title),
        el("button", { type: "button", class: "plain", "aria-label": text.region.forget(at + 1), click: () => forget(one) }, icon(ICONS.refused))),
      answer === null ? el("p", { class: "quiet" }, text.region.asking) : [
        el("div", { class: "answer" },
          el("img", { src: answer.crop, alt: text.region.crop(nameOf(one.image)), width: 96, height: 96 }),
          el("div", {}, classBars(answer.region.classes),
            answer.region.malignancy_range && el("p", { class: "quiet" }, text.region.range(answer.region.malignancy_range)),
            one === chosen && one.plain !== null && one.plain !== answer.region.malignancy &&
              el("p", { class: "quiet" }, text.region.plain(percent(one.plain))))),
        one === chosen && keeping(one),
      ]);
  }

  function markRow(mark: Mark): HTMLElement {
    return el("li", { class: "named" },
      el("button", { type: "button", class: "plain title", click: () => reading.goTo(mark.image, mark.box_px) },
        `${nameOf(mark.image)} · ${text.region.labels[mark.label]}`, mark.note && ` · ${mark.note}`),
      el("button", { type: "button", class: "plain", "aria-label": text.region.deleteMark(nameOf(mark.image)), click: () => attempt(() => drop(mark)) },
        icon(ICONS.refused)));
  }

  function paint(): void {
    fill(list, drawn.map(card));
    fill(kept, marks.length > 0 && [
      el("h3", {}, text.region.marks(marks.length)),
      el("ul", { class: "marks" }, marks.map(markRow)),
      el("p", { class: "row" },
        el("a", { href: urls.download(urls.coco(study.id)) }, text.region.coco),
        el("a", { href: urls.download(urls.marksCsv(study.id)) }, text.region.csv)),
    ]);
    draw();
  }

  function add(image: number, box: Box): void {
    const one: Drawn = { image, box, answer: null, plain: null, asked: 0 };
    drawn.push(one);
    chosen = one;
    paint();
    void ask(one);
  }

  paint();
  const node = section(text.region.title, el("p", { class: "quiet" }, text.region.how), knobs.node, list, kept, said);
  return { node, add };
}
