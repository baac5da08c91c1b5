/** A study open for reading: toolbar, pictures and what is said of them. */
import { ApiError, api } from "../api";
import { el, fill } from "../dom";
import { percent, studyName } from "../format";
import { bindKeys } from "../keys";
import { Reading } from "../reading";
import { address, type Page } from "../router";
import { text } from "../text";
import { attempt, fail } from "../toast";
import type { Study } from "../types";
import type { ViewerEvents } from "../viewer";
import { findings } from "./findings";
import { choosePrior } from "./prior";
import { regions, type Regions } from "./regions";
import { density, downloads, headline, malignancy, ultrasound, warnings } from "./results";
import { toolbar, type Toolbar } from "./toolbar";
import { verdict } from "./verdict";

/** Parts that come to be one after the other, because each needs the one before. */
interface Parts {
  bar: Toolbar | null;
  regions: Regions | null;
}

function events(parts: Parts, study: Study, loading: HTMLElement): ViewerEvents {
  const under = new Map<number, number>();
  const nameOf = (image: number): string => study.images.find((one) => one.index === image)?.name ?? "";
  return {
    onRegion: (image, box, of) => {
      if (of === study.id) parts.regions?.add(image, box);
      else fail(new Error(text.region.notPrior));
    },
    onActive: () => undefined,
    onState: (state) => {
      parts.bar?.update(state);
    },
    onProgress: (image, share) => {
      if (share < 1) under.set(image, share);
      else under.delete(image);
      loading.textContent = [...under].map(([one, part]) => text.loading(nameOf(one), percent(part))).join(" · ");
    },
    onError: (image, message) => fail(new Error(`${nameOf(image)}: ${message}`)),
  };
}

function panel(reading: Reading, parts: Parts, leaving: (() => void)[]): HTMLElement[] {
  const { study } = reading;
  const region = study.ultrasound ? null : regions(reading);
  parts.regions = region;
  const judged = verdict(study);
  leaving.push(judged.leave);
  const other = el("p", { class: "part" },
    el("a", { class: "button", href: address(study.ultrasound ? "ultrasound" : "study") }, text.study.another), " ",
    el("a", { class: "button", href: address("worklist") }, text.nav.worklist));
  return [
    headline(study), malignancy(study), ultrasound(study), warnings(study), findings(reading), judged.node,
    region?.node ?? null, density(study), downloads(study), other,
  ].filter((part) => part !== null);
}

/** What the viewer can hang: a file that was not read has no pixels, and stands under the warnings. */
function pictures(study: Study): { id: string; images: Study["images"] } {
  return { id: study.id, images: study.images.filter((image) => image.values_url !== null) };
}

async function open(page: HTMLElement, id: string, priorId: string | null, leaving: (() => void)[], left: () => boolean): Promise<void> {
  const [study, prior, { Viewer }] = await Promise.all([
    api.study(id), priorId ? api.study(priorId) : null, import("../viewer"),
  ]);
  if (left()) return;
  const host = el("div", { class: "host" });
  const loading = el("p", { class: "loading", role: "status" });
  const top = el("div", { class: "tools" });
  const side = el("aside", { class: "panel", "aria-label": text.study.results, tabindex: 0 });
  const stage = el("section", { class: "stage", "aria-label": text.study.pictures }, host, loading);
  fill(page, top, stage, side);
  const parts: Parts = { bar: null, regions: null };
  const viewer = new Viewer(host, events(parts, study, loading));
  leaving.push(() => viewer.destroy());
  const reading = new Reading(viewer, study, prior);
  reading.choosePrior = () => attempt(() => choosePrior(study.id));
  fill(side, panel(reading, parts, leaving));
  const bar = toolbar(reading);
  parts.bar = bar;
  fill(top, bar.node);
  leaving.push(bindKeys(reading));
  document.title = `${studyName(study)} · ${text.program}`;
  // What is said of the study stays readable where its pictures cannot be shown.
  await viewer.show(pictures(study), prior && pictures(prior)).catch(fail);
  if (study.ultrasound || study.images.length === 1) viewer.setLayout("single");
  if (prior) viewer.setLayout("prior");
}

function failed(error: unknown, home: "study" | "ultrasound"): HTMLElement {
  const gone = error instanceof ApiError && error.status === 404;
  return el("div", { class: "page empty" },
    el("h1", {}, gone ? text.study.gone : text.study.failed),
    el("p", {}, gone ? text.study.goneDetail : error instanceof Error ? error.message : String(error)),
    el("p", { class: "row centre" },
      el("a", { class: "button primary", href: address(home) }, text.study.another),
      el("a", { class: "button", href: address("worklist") }, text.nav.worklist)));
}

export function studyPage(id: string, prior: string | null, home: "study" | "ultrasound"): Page {
  const node = el("div", { class: "study" }, el("p", { class: "page quiet", role: "status" }, text.study.opening));
  const leaving: (() => void)[] = [];
  let gone = false;
  open(node, id, prior, leaving, () => gone).catch((error: unknown) => {
    node.classList.remove("study");
    fill(node, failed(error, home));
  });
  return {
    node,
    title: text.nav[home],
    leave() {
      gone = true;
      for (const undo of leaving) undo();
    },
  };
}
