/** One study on the viewer: what the toolbar, the keys and the panels act on. */
import { api } from "./api";
import { address, go } from "./router";
import { text } from "./text";
import { attempt, fail, news } from "./toast";
import type { Finding, Image, Study } from "./types";
import type { Box, Tool, Viewer, ViewerState } from "./viewer";

export interface Seen {
  image: Image;
  finding: Finding;
  /** Where in the breast, in the report's words; empty if unknown. */
  place: string;
}

/** All findings of a study, highest first. */
export function findingsOf(study: Study): Seen[] {
  return study.images
    .flatMap((image, at) => image.findings.map((finding, number) =>
      ({ image, finding, place: study.words.places?.[at]?.[number] ?? "" })))
    .sort((one, other) => other.finding.score - one.finding.score);
}

export class Reading {
  readonly findings: readonly Seen[];
  /** Chooses a prior; set by the page that knows the worklist. */
  choosePrior: () => void = () => undefined;
  private at = -1;
  private presetAt = 0;

  constructor(readonly viewer: Viewer, readonly study: Study, readonly prior: Study | null) {
    this.findings = findingsOf(study);
  }

  /** As it is now, not as it was last told: keys come faster than frames. */
  get state(): ViewerState {
    return this.viewer.current();
  }

  /** Takes a tool up; the region tool also takes the keys, so that a square can be drawn without a mouse. */
  tool(tool: Tool): void {
    if (tool === "region" && this.study.ultrasound) return;
    this.viewer.setTool(tool);
    if (tool === "region") this.viewer.focus();
  }

  toSlot(slot: number): void {
    const image = this.study.images.find((one) => one.slot === slot) ?? this.study.images[slot];
    if (image) this.viewer.activate(image.index);
  }

  enlarge(): void {
    this.viewer.setLayout(this.state.layout === "single" ? "four" : "single");
  }

  comparePrior(): void {
    if (this.prior) this.viewer.setLayout(this.state.layout === "prior" ? "four" : "prior");
    else this.choosePrior();
  }

  map(step: number): void {
    this.viewer.setMapOpacity(Math.min(1, Math.max(0, this.state.mapOpacity + step)));
  }

  nextPreset(): void {
    const names = this.viewer.presets();
    const name = names[++this.presetAt % names.length];
    if (name) this.viewer.preset(name);
  }

  /** Steps through the findings, highest first, and round again. */
  finding(step: 1 | -1): void {
    const count = this.findings.length;
    if (count === 0) {
      news(text.results.noFindings);
      return;
    }
    this.at = this.at < 0 && step < 0 ? count - 1 : (this.at + step + count) % count;
    const seen = this.findings[this.at];
    if (seen) this.goTo(seen.image.index, seen.finding.box_px);
  }

  goTo(image: number, box: Box): void {
    this.viewer.goTo(image, box);
  }

  /** Opens the study that follows in the worklist's order of suspicion. */
  nextStudy(): void {
    attempt(async () => {
      const rows = (await api.studies()).filter((row) => row.ultrasound === this.study.ultrasound);
      const next = rows[rows.findIndex((row) => row.id === this.study.id) + 1];
      if (next) go(address(next.ultrasound ? "ultrasound" : "study", next.id));
      else fail(new Error(text.worklist.last));
    });
  }
}
