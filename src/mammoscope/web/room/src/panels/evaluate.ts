/** Predictions and truth in, a report with intervals out. */
import { api, urls } from "../api";
import { el, fill, freshId } from "../dom";
import { follow } from "../jobs";
import type { Page } from "../router";
import { text } from "../text";
import { fail } from "../toast";
import { acceptDrops } from "./dropzone";
import { jobView } from "./progress";

interface Choice {
  node: HTMLElement;
  files(): File[];
}

function fileChoice(words: { title: string; hint: string }, several: boolean): Choice {
  let files: File[] = [];
  const id = freshId("file");
  const input = el("input", { id, type: "file", multiple: several, accept: ".csv,.jsonl,.parquet,text/csv" });
  const said = el("p", { role: "status", class: "quiet" });
  // A browser names chosen files beside its button; dropped ones it does not.
  const drop = (given: File[]): void => {
    files = several ? given : given.slice(0, 1);
    input.value = "";
    said.textContent = files.map((file) => file.name).join(", ");
  };
  input.addEventListener("change", () => {
    files = [...(input.files ?? [])];
    said.textContent = "";
  });
  const node = el("div", { class: "card drop small" },
    el("label", { for: id }, el("b", {}, words.title)), el("p", { class: "quiet" }, words.hint), input, said);
  acceptDrops(node, drop);
  return { node, files: () => files };
}

function columns(): HTMLElement {
  const rows = text.evaluate.columns.map(([name, file, meaning]) =>
    el("tr", {}, el("th", { scope: "row" }, el("code", {}, name)), el("td", {}, file), el("td", {}, meaning)));
  return el("details", { class: "card", open: true },
    el("summary", {}, text.evaluate.columnsTitle),
    el("table", {},
      el("thead", {}, el("tr", {}, text.evaluate.columnHeads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows)),
    el("p", { class: "quiet" }, text.evaluate.sample),
    el("pre", { tabindex: 0 }, text.evaluate.sampleRows));
}

function report(id: string): HTMLElement {
  const url = urls.evaluation(id);
  return el("section", { class: "report", "aria-label": text.evaluate.report },
    el("p", { class: "row" },
      el("a", { class: "button primary", href: urls.download(url) }, text.evaluate.download),
      el("a", { class: "button", href: url, target: "_blank", rel: "noopener" }, text.evaluate.open)),
    el("iframe", { src: url, sandbox: "allow-scripts", title: text.evaluate.report }));
}

async function run(place: HTMLElement, predictions: File[], truth: File): Promise<void> {
  const view = jobView();
  fill(place, view.node);
  const { job } = await api.evaluate(predictions, truth, (share) => view.sending(share));
  const end = await follow(job, (state) => view.show(state));
  if (end.state === "failed") throw new Error(end.error ?? text.evaluate.failed);
  fill(place, (end.evaluations ?? []).map(report));
}

export function evaluatePage(): Page {
  const predictions = fileChoice(text.evaluate.predictions, true);
  const truth = fileChoice(text.evaluate.truth, false);
  const place = el("div", {});
  const start = el("button", { type: "submit", class: "primary" }, text.evaluate.start);
  const form = el("form", { class: "evaluation" }, el("div", { class: "columns" }, predictions.node, truth.node), el("p", { class: "row" }, start));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [known] = truth.files();
    if (!known || predictions.files().length === 0) {
      fail(new Error(text.evaluate.missing));
      return;
    }
    start.disabled = true;
    run(place, predictions.files(), known)
      .catch((error: unknown) => {
        fill(place);
        fail(error);
      })
      .finally(() => {
        start.disabled = false;
      });
  });
  const node = el("div", { class: "page wide" },
    el("h1", {}, text.evaluate.heading), el("p", { class: "lead" }, text.evaluate.lead), form, place, columns());
  return { node, title: text.nav.evaluate };
}
