/** All studies in a table, the most suspicious first. */
import { api, urls } from "../api";
import { confirmed } from "../dialogs";
import { el, fill, freshId, icon, place } from "../dom";
import { day, moment, percent, studyName } from "../format";
import { ICONS } from "../icons";
import { address, go, type Page } from "../router";
import { text } from "../text";
import { attempt } from "../toast";
import type { Row } from "../types";
import { flagWords, sureWords } from "./bars";
import { choosePrior } from "./prior";

type Order = "malignancy" | "created";

const home = (row: Row): string => address(row.ultrasound ? "ultrasound" : "study", row.id);

/** Highest first; studies without a number stand last. */
function sorted(rows: readonly Row[], order: Order): Row[] {
  return [...rows].sort((one, other) =>
    order === "created" ? other.created.localeCompare(one.created) : (other.malignancy ?? -1) - (one.malignancy ?? -1));
}

/** Everything of a row that the filter looks in, in the words that the row shows. */
function words(row: Row): string {
  const flag = row.flag === null ? text.flag.none : row.flag ? text.flag.above : text.flag.below;
  return [
    row.name, row.label, flag, row.sure === false ? text.notSure : text.sure, row.note,
    row.density && text.worklist.density(row.density), row.verdict && text.verdict.words[row.verdict],
    row.ultrasound ? text.nav.ultrasound : text.worklist.mammogram,
  ].filter(Boolean).join(" ").toLowerCase();
}

function suspicion(row: Row): HTMLElement {
  const sides = (["R", "L"] as const).filter((side) => row.breasts[side] !== null);
  return el("div", {},
    el("b", {}, percent(row.malignancy)),
    el("div", { class: "bar thin", "aria-hidden": "true" },
      place(el("i", { class: row.flag ? "filled above" : "filled" }), { "--to": `${100 * (row.malignancy ?? 0)}%` })),
    el("small", {}, sides.map((side) => `${side} ${percent(row.breasts[side])}`).join(" · ")));
}

function cells(row: Row, onDelete: () => void): HTMLElement[] {
  const verdict = row.verdict ? text.verdict.words[row.verdict] : text.worklist.noVerdict;
  return [
    el("td", { class: "thumbs" }, row.thumbnails.slice(0, 4).map((url) => el("img", { src: url, alt: "", loading: "lazy" }))),
    el("th", { scope: "row" },
      el("a", { href: home(row) }, studyName(row)),
      el("small", {}, `${row.ultrasound ? text.nav.ultrasound : text.worklist.mammogram}, ${text.worklist.images(row.judged, row.images)}`)),
    el("td", {}, suspicion(row)),
    el("td", {}, flagWords(row.flag), el("br"), !row.ultrasound && sureWords(row.sure)),
    el("td", {}, row.density ?? "–"),
    el("td", {}, verdict, row.marks > 0 && el("small", {}, text.region.marks(row.marks)), row.note && el("small", { class: "note" }, row.note)),
    el("td", { class: "when" }, moment(row.created), row.expires && el("small", {}, text.results.expires(day(row.expires)))),
    el("td", { class: "acts" },
      !row.ultrasound && el("button", { type: "button", click: () => attempt(() => choosePrior(row.id)) }, text.prior.compareWith),
      el("button", { type: "button", "aria-label": text.worklist.deleteOne(studyName(row)), click: onDelete }, text.worklist.delete)),
  ];
}

function rowOf(row: Row, onDelete: () => void): HTMLElement {
  const node = el("tr", {}, cells(row, onDelete));
  node.addEventListener("click", (event) => {
    if (event.target instanceof Element && !event.target.closest("a, button")) go(home(row));
  });
  return node;
}

function emptyState(filtered: boolean): HTMLElement {
  if (filtered) return el("p", { class: "empty" }, text.worklist.nothingFound);
  return el("div", { class: "empty" }, el("p", {}, text.worklist.empty), el("a", { class: "button primary", href: address("study") }, text.worklist.begin));
}

function header(label: string, order: Order, now: () => Order, change: (order: Order) => void): HTMLElement {
  const arrow = el("span", { "aria-hidden": "true" });
  const button = el("button", { type: "button", class: "plain sort", click: () => change(order) }, label, " ", arrow);
  const node = el("th", { scope: "col" }, button);
  const paint = (): void => {
    const on = now() === order;
    arrow.textContent = on ? "▼" : "";
    if (on) node.setAttribute("aria-sort", "descending");
    else node.removeAttribute("aria-sort");
  };
  node.addEventListener("paint", paint);
  return node;
}

export function worklistPage(): Page {
  let rows: Row[] = [];
  let order: Order = "malignancy";
  const id = freshId("filter");
  const filter = el("input", { id, type: "search", placeholder: text.worklist.filterHint });
  const body = el("tbody", {});
  const below = el("div", {});
  const said = el("p", { class: "quiet", role: "status" }, text.worklist.loading);

  const change = (to: Order): void => {
    order = to;
    paint();
  };
  const now = (): Order => order;
  const heads = [
    el("th", { scope: "col" }, text.worklist.pictures), el("th", { scope: "col" }, text.worklist.study),
    header(text.worklist.suspicion, "malignancy", now, change), el("th", { scope: "col" }, text.worklist.flag),
    el("th", { scope: "col" }, text.results.density), el("th", { scope: "col" }, text.verdict.title),
    header(text.worklist.read, "created", now, change), el("th", { scope: "col" }, text.worklist.actions),
  ];

  async function remove(row: Row): Promise<void> {
    if (!(await confirmed(text.worklist.deleteTitle(studyName(row)), text.worklist.deleteDetail, text.worklist.delete))) return;
    await api.deleteStudy(row.id);
    rows = rows.filter((other) => other !== row);
    paint();
    filter.focus();
  }

  function paint(): void {
    const wanted = filter.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const shown = sorted(rows, order).filter((row) => wanted.every((word) => words(row).includes(word)));
    fill(body, shown.map((row) => rowOf(row, () => attempt(() => remove(row)))));
    fill(below, shown.length === 0 && emptyState(rows.length > 0));
    said.textContent = text.worklist.count(shown.length, rows.length);
    for (const head of heads) head.dispatchEvent(new Event("paint"));
    table.hidden = shown.length === 0;
  }

  const table = el("table", { class: "worklist", hidden: true }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}));
  table.tBodies[0]?.replaceWith(body);
  filter.addEventListener("input", paint);
  attempt(async () => {
    rows = await api.studies(order);
    paint();
  });
  const node = el("div", { class: "page wide" },
    el("div", { class: "row head" },
      el("h1", {}, text.worklist.heading), said,
      el("label", { class: "field", for: id }, el("span", {}, text.worklist.filter), filter),
      el("a", { class: "button", href: urls.download(urls.worklistCsv) }, icon(ICONS.drop), text.worklist.csv)),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": text.worklist.heading }, table),
    below);
  return { node, title: text.nav.worklist };
}
