/** The page on which a reading begins: files in, or a study read before. */
import { api } from "../api";
import { el, fill } from "../dom";
import { moment, percent, studyName } from "../format";
import { address, type Page } from "../router";
import { text } from "../text";
import { attempt } from "../toast";
import { flagWords } from "./bars";
import { acceptDrops } from "./dropzone";
import { upload } from "./upload";

const RECENT = 5;

async function recent(place: HTMLElement, ultrasound: boolean): Promise<void> {
  const rows = (await api.studies("created")).filter((row) => row.ultrasound === ultrasound).slice(0, RECENT);
  if (rows.length === 0) return;
  fill(place,
    el("h2", {}, text.start.recent),
    el("ul", { class: "recent" }, rows.map((row) =>
      el("li", {},
        row.thumbnails[0] && el("img", { src: row.thumbnails[0], alt: "", width: 40, height: 48 }),
        el("a", { href: address(ultrasound ? "ultrasound" : "study", row.id) }, studyName(row)),
        el("b", {}, percent(row.malignancy)), flagWords(row.flag), el("span", { class: "quiet" }, moment(row.created))))));
}

export function startPage(home: "study" | "ultrasound"): Page {
  const words = text.start[home];
  const up = upload(home, words);
  const list = el("section", { class: "card", "aria-label": text.start.recent, hidden: true });
  attempt(async () => {
    await recent(list, home === "ultrasound");
    list.hidden = list.childElementCount === 0;
  });
  const node = el("div", { class: "page start" }, el("h1", {}, words.heading), el("p", { class: "lead" }, words.lead), up.node, list);
  // A near miss must not make the browser leave the page for the dropped file.
  acceptDrops(node, (files) => {
    if (files.length > 0) up.send(files);
  });
  return { node, title: text.nav[home] };
}
