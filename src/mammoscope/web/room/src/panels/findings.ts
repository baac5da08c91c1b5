/** The findings, highest first; each is a button that leads to its place. */
import { el } from "../dom";
import { percent } from "../format";
import { heading } from "../numbers";
import type { Reading, Seen } from "../reading";
import { text } from "../text";
import { section } from "./results";

function row(reading: Reading, seen: Seen): HTMLElement {
  return el("li", {}, el("button",
    { type: "button", class: "finding", click: () => reading.goTo(seen.image.index, seen.finding.box_px) },
    el("span", { class: "named" }, el("b", {}, `${seen.image.name} · ${heading(seen.finding.label)}`), el("b", {}, percent(seen.finding.score))),
    seen.place && el("span", { class: "quiet" }, seen.place)));
}

export function findings(reading: Reading): HTMLElement {
  const rows = reading.findings.map((seen) => row(reading, seen));
  return section(text.results.findings(rows.length),
    rows.length > 0 ? el("ol", { class: "findings" }, rows) : el("p", { class: "quiet" }, text.results.noFindings));
}
