import { Enums, cache, type Types } from "@cornerstonejs/core";
import { averageWhenSmall, enable, release, renderingEngine } from "./engine";
import { chestWall } from "./hanging";
import { imageId, load, rangeFor } from "./loader";
import { Loupe } from "./loupe";
import { draw, type Draft } from "./overlay";
import { texts } from "./text";
import type { Measure, Point, Region, StudyImage, ViewerState, Window } from "./types";
import { fitted, toPane, toSource, type Frame, type View } from "./view";
import { firstWindow, fullRange, startsInverted, storedEnds, written } from "./windowing";

/** What a pane shows of the viewer's own settings. */
export type Shown = Pick<ViewerState, "inverted" | "mapOpacity" | "boxes">;

/** One place of the hanging: a Cornerstone viewport with the map, the marks and the corner texts above it. */
export class Pane {
  readonly root = part("mv-pane");
  readonly loupe = new Loupe();
  image: StudyImage | null = null;
  study = "";
  view: View = { focus: [0, 0], scale: 1 };
  isFitted = true;
  window: Window = { center: 0, width: 1 };
  regions: Region[] = [];
  measures: Measure[] = [];
  draft: Draft | null = null;

  private readonly stage = part("mv-stage");
  private readonly map = document.createElement("img");
  private readonly marks = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  private readonly title = part("mv-title");
  private readonly reading = part("mv-reading");
  private readonly message = part("mv-message");
  private readonly viewport: Types.IStackViewport;
  private asked = 0;

  constructor(
    readonly id: string,
    host: HTMLElement,
    private readonly settings: () => Shown,
    private readonly named: (name: string) => string,
  ) {
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.map.className = "mv-map";
    this.map.alt = "";
    this.map.draggable = false;
    this.marks.setAttribute("class", "mv-marks");
    this.marks.setAttribute("aria-hidden", "true");
    this.root.append(this.stage, this.map, this.marks, this.title, this.reading, this.message, this.loupe.canvas);
    host.append(this.root);
    this.viewport = enable(id, this.stage);
    this.stage.removeAttribute("tabindex");
    this.place(null);
    this.describe();
  }

  get frame(): Frame {
    const { clientWidth: width, clientHeight: height } = this.root;
    const flip = this.image?.mirrored ? -1 : 1;
    return { width: Math.max(1, width), height: Math.max(1, height), flip, wall: this.image && chestWall(this.image) };
  }

  get firstWindow(): Window {
    return this.image ? firstWindow(this.image, this.range) : { center: 0, width: 1 };
  }

  get fullRange(): Window {
    return this.image ? fullRange(this.image, this.range) : { center: 0, width: 1 };
  }

  get lowIsWhite(): boolean {
    return this.image !== null && startsInverted(this.image);
  }

  get range() {
    return rangeFor(this.imageId);
  }

  get visible(): boolean {
    return this.root.style.visibility !== "hidden";
  }

  get ready(): boolean {
    return this.image !== null && this.root.dataset["state"] === "shown";
  }

  /** Put the pane at a part of the host (shares of width and height), or out of sight where `at` is null. */
  place(at: { left: number; top: number; width: number; height: number } | null): void {
    this.root.style.visibility = at ? "visible" : "hidden";
    if (!at) return;
    for (const [side, share] of Object.entries(at)) this.root.style.setProperty(side, `${share * 100}%`);
  }

  /** Draw with half the pixels each way and stretch them; for the time the picture moves. */
  coarsen(on: boolean): void {
    this.stage.classList.toggle("mv-coarse", on);
  }

  /** Load and show an image; resolves once it is drawn, rejects where its values cannot be had. */
  async show(image: StudyImage, study: string): Promise<void> {
    if (this.image === image && this.study === study && this.ready) return;
    const turn = ++this.asked;
    Object.assign(this, { image, study, draft: null, isFitted: true });
    this.state("loading", texts.loading);
    this.describe();
    try {
      await load(this.imageId);
      if (turn !== this.asked) return;
      await this.viewport.setStack([this.imageId]);
    } catch (error) {
      if (turn === this.asked) this.state("failed", error instanceof Error ? error.message : String(error));
      throw error;
    }
    if (turn === this.asked) this.begin(image);
  }

  private begin(image: StudyImage): void {
    this.viewport.setCamera({ flipHorizontal: image.mirrored });
    this.window = this.firstWindow;
    if (image.map_url) this.map.src = image.map_url;
    else this.map.removeAttribute("src");
    this.state("shown", "");
    this.stage.addEventListener(Enums.Events.IMAGE_RENDERED, () => this.soften(), { once: true });
    this.refresh();
  }

  private soften(): void {
    averageWhenSmall(this.viewport);
    this.viewport.render();
  }

  /** Nothing to show: `message` says why. */
  empty(message = ""): void {
    this.asked++;
    if (this.image) release(this.viewport);
    this.image = null;
    this.regions = [];
    this.measures = [];
    this.draft = null;
    this.map.removeAttribute("src");
    this.marks.replaceChildren();
    this.state("empty", message);
    this.describe();
  }

  /** Bring picture, map, marks and texts to the pane's view and window. */
  refresh(): void {
    if (!this.image || !this.ready) return;
    if (this.isFitted) this.view = fitted(this.image, this.frame);
    this.setCamera(this.image);
    this.setWindow(this.image);
    this.setMap(this.image);
    this.mark();
    this.write();
    this.viewport.render();
  }

  /** Redraw the marks alone. */
  mark(): void {
    if (!this.image || !this.ready) return;
    const { regions, measures, draft } = this;
    draw(this.marks, { image: this.image, boxes: this.settings().boxes, regions, measures, draft }, (at) => this.toPane(at));
  }

  toPane(at: Point): Point {
    return this.image ? toPane(this.image, this.frame, this.view, at) : at;
  }

  toSource(at: Point): Point {
    return this.image ? toSource(this.image, this.frame, this.view, at) : at;
  }

  /** Show the magnifying glass at a point of the pane. */
  magnify(at: Point): void {
    const values = cache.getImage(this.imageId)?.voxelManager?.getScalarData() as ArrayLike<number> | undefined;
    if (!this.image || !values) return;
    const ends = storedEnds(this.image, this.window);
    const looked = { image: this.image, values, ...ends, inverted: this.inverted, flip: this.frame.flip };
    this.loupe.show(looked, this.toSource(at), at, Math.min(1 / (window.devicePixelRatio || 1), 1 / (this.view.scale * 3)));
  }

  private get imageId(): string {
    return this.image ? imageId(this.study, this.image.index) : "";
  }

  private get inverted(): boolean {
    return this.settings().inverted !== this.lowIsWhite;
  }

  private setCamera(image: StudyImage): void {
    const [row, column] = image.spacing_mm ?? [1, 1];
    const { focalPoint, position } = this.viewport.getCamera();
    const next: Types.Point3 = [(this.view.focus[0] - 0.5) * column, (this.view.focus[1] - 0.5) * row, focalPoint?.[2] ?? 0];
    const away = (axis: 0 | 1 | 2) => next[axis] + (position?.[axis] ?? 0) - (focalPoint?.[axis] ?? 0);
    const parallelScale = (this.frame.height / 2 / this.view.scale) * row;
    this.viewport.setCamera({ focalPoint: next, position: [away(0), away(1), away(2)], parallelScale });
  }

  private setWindow(image: StudyImage): void {
    this.viewport.setProperties({ voiRange: storedEnds(image, this.window), invert: this.inverted });
  }

  private setMap(image: StudyImage): void {
    const opacity = this.settings().mapOpacity;
    this.map.hidden = !image.map_url || opacity <= 0;
    if (this.map.hidden) return;
    const [left, top] = this.toPane([0, 0]);
    const [right, bottom] = this.toPane([image.width, image.height]);
    const scale = [(right - left) / image.width, (bottom - top) / image.height];
    this.map.style.width = `${image.width}px`;
    this.map.style.height = `${image.height}px`;
    this.map.style.transform = `matrix(${scale[0]}, 0, 0, ${scale[1]}, ${left}, ${top})`;
    this.map.style.opacity = String(opacity);
  }

  private write(): void {
    const ratio = window.devicePixelRatio || 1;
    const lines = [
      texts.window(written(this.window.center), written(this.window.width)),
      texts.zoom(Math.round(this.view.scale * ratio * 100)),
    ];
    if (this.settings().inverted) lines.push(texts.inverted);
    this.reading.textContent = lines.join("\n");
  }

  private state(state: "empty" | "loading" | "failed" | "shown", message: string): void {
    this.root.dataset["state"] = state;
    this.message.textContent = message;
    this.map.hidden = true;
    if (state !== "shown") this.marks.replaceChildren();
  }

  private describe(): void {
    const image = this.image;
    const name = image ? this.named(image.name) : texts.empty;
    this.root.dataset["side"] = (image && chestWall(image)) ?? "none";
    this.root.setAttribute("aria-label", texts.pane(name));
    this.title.textContent = image ? name : "";
    this.reading.textContent = "";
    const canvas = this.stage.querySelector("canvas");
    canvas?.setAttribute("role", "img");
    const seen = image ? texts.canvas(name, image.width, image.height, image.findings.length) : texts.empty;
    canvas?.setAttribute("aria-label", seen);
  }

  destroy(): void {
    this.empty();
    renderingEngine().disableElement(this.id);
    this.root.remove();
  }
}

function part(className: string): HTMLDivElement {
  const made = document.createElement("div");
  made.className = className;
  return made;
}
