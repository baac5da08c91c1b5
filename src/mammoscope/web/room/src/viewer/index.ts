import "./viewer.css";
import { destroyEngine, renderingEngine } from "./engine";
import { listen, type Actions } from "./gestures";
import { fittedTogether, SLOTS, hang, priorOf, readingOrder } from "./hanging";
import { drafted, nudge } from "./keyregion";
import { addStudy, dropStudy, imageId, isLoaded, load } from "./loader";
import { Pace } from "./pace";
import { Pane } from "./pane";
import { texts } from "./text";
import type { Box, Layout, Point, Region, Study, StudyImage, Tool, ViewerEvents, ViewerState } from "./types";
import { absolute, around, aspect, relative, zoomedAt } from "./view";
import { carried, dragged, presetOf, presetsOf } from "./windowing";

export { texts } from "./text";
export type * from "./types";

const EXTRA = SLOTS;
const PRIOR = SLOTS + 1;
const HALF = 0.5;

/** The images of one study, hung, windowed, zoomed, measured and marked; an earlier study beside it where there is one. */
export class Viewer {
  private readonly root = document.createElement("div");
  private readonly spoken = document.createElement("div");
  private readonly panes: Pane[];
  private readonly resized: ResizeObserver;
  private readonly pace = new Pace((on) => this.coarsen(on));
  private readonly regions = new Map<string, Region[]>();
  private study: Study | null = null;
  private prior: Study | null = null;
  private order: StudyImage[] = [];
  private leaving = new AbortController();
  private stateDue = 0;
  private backTo: Layout = "four";
  private state: Omit<ViewerState, "zoom" | "window"> = {
    layout: "four",
    active: null,
    tool: "window",
    inverted: false,
    mapOpacity: 0,
    boxes: true,
    sync: true,
  };

  constructor(
    host: HTMLElement,
    private readonly events: ViewerEvents,
  ) {
    this.root.className = "mv-viewer";
    this.root.dataset["tool"] = this.state.tool;
    this.spoken.className = "mv-spoken";
    this.spoken.setAttribute("aria-live", "polite");
    this.root.append(this.spoken);
    host.append(this.root);
    this.panes = Array.from({ length: PRIOR + 1 }, (_, place) => this.makePane(place));
    this.resized = new ResizeObserver(() => this.arrange());
    this.resized.observe(this.root);
  }

  /** Hang a study; resolves when what is on the screen is drawn. The rest is fetched behind it. */
  async show(shown: Study, before: Study | null = null): Promise<void> {
    this.clear();
    const study = fittedTogether(shown);
    const prior = before && fittedTogether(before);
    this.study = study;
    this.prior = prior;
    this.order = readingOrder(study);
    const { signal } = this.leaving;
    addStudy(study, signal, (image, share) => this.events.onProgress(image, share));
    if (prior) addStudy(prior, signal, () => undefined);
    const layout = study.images.length === 1 ? "single" : "four";
    this.state = { ...this.state, layout, active: this.order[0]?.index ?? null, inverted: false };
    this.backTo = layout;
    this.arrange();
    this.fillRegions();
    await Promise.all(hang(study).map((image, place) => this.fill(this.panes[place]!, image, study)));
    if (signal.aborted) return;
    if (this.state.active !== null) this.events.onActive(this.state.active);
    this.tell();
    void this.fetchRest(signal);
  }

  /** Leave the study and free its pixels. */
  clear(): void {
    this.pace.stop();
    this.leaving.abort();
    this.leaving = new AbortController();
    for (const pane of this.panes) pane.empty();
    for (const study of [this.study, this.prior]) if (study) dropStudy(study);
    this.study = this.prior = null;
    this.order = [];
    this.regions.clear();
    this.state = { ...this.state, active: null };
    this.arrange();
  }

  setLayout(layout: Layout): void {
    const wanted = layout === "four" && this.active && this.place(this.active) === EXTRA ? "single" : layout;
    if (wanted !== "single") this.backTo = wanted;
    if (wanted !== this.state.layout) for (const pane of this.panes) pane.isFitted = true;
    this.state = { ...this.state, layout: wanted };
    this.arrange();
    void this.fillPrior();
  }

  /** Make an image the one that tools, presets and keys speak of; one without a place in the hanging is shown alone. */
  activate(index: number): void {
    const image = this.order.find((one) => one.index === index);
    if (!image || !this.study) return;
    const changed = this.state.active !== index;
    this.state = { ...this.state, active: index };
    const extra = this.place(image) === EXTRA;
    if (extra) void this.fill(this.panes[EXTRA]!, image, this.study);
    if (extra && this.state.layout === "four") this.state = { ...this.state, layout: "single" };
    this.arrange();
    void this.fillPrior();
    if (changed) this.events.onActive(index);
  }

  next(): void {
    this.step(1);
  }

  previous(): void {
    this.step(-1);
  }

  setTool(tool: Tool): void {
    this.state = { ...this.state, tool };
    this.root.dataset["tool"] = tool;
    for (const pane of this.panes) {
      pane.loupe.hide();
      this.discard(pane);
    }
    this.tell();
  }

  presets(): string[] {
    return this.active ? presetsOf(this.active) : [];
  }

  preset(name: string): void {
    this.each((pane) => {
      const found = pane.image && presetOf(pane.image, name, pane.range);
      if (found) pane.window = found;
    });
  }

  invert(): void {
    this.state = { ...this.state, inverted: !this.state.inverted };
    this.refresh();
  }

  /** Window, zoom and inversion as at the beginning; measured lengths go. */
  reset(): void {
    this.state = { ...this.state, inverted: false };
    for (const pane of this.panes) {
      Object.assign(pane, { isFitted: true, window: pane.firstWindow, measures: [], draft: null });
    }
    this.refresh();
  }

  /** One pixel of the image on one pixel of the screen. */
  oneToOne(): void {
    const scale = 1 / (window.devicePixelRatio || 1);
    this.each((pane) => {
      if (!pane.image) return;
      const view = zoomedAt(pane.image, pane.frame, pane.view, scale / pane.view.scale, held(pane));
      Object.assign(pane, { isFitted: false, view });
    });
  }

  fit(): void {
    this.each((pane) => Object.assign(pane, { isFitted: true }));
  }

  /** Move the picture by CSS pixels; for keys. */
  pan(dx: number, dy: number): void {
    if (this.activePane) this.movePane(this.activePane, dx, dy);
  }

  /** Zoom the active pane; for keys. */
  zoomBy(factor: number): void {
    const pane = this.activePane;
    if (pane) this.zoomPane(pane, factor, held(pane));
  }

  setMapOpacity(share: number): void {
    this.state = { ...this.state, mapOpacity: Math.min(1, Math.max(0, share)) };
    this.refresh();
  }

  setBoxes(on: boolean): void {
    this.state = { ...this.state, boxes: on };
    this.refresh();
  }

  setSync(on: boolean): void {
    this.state = { ...this.state, sync: on };
    this.tell();
  }

  /** The regions and marks to draw on an image of the study (`study` names the prior one for its images). */
  setRegions(image: number, regions: Region[], study = this.study?.id ?? ""): void {
    this.regions.set(imageId(study, image), regions);
    this.fillRegions();
  }

  /** Show a finding: its image alone, the box filling about a third. */
  goTo(index: number, box: Box): void {
    this.activate(index);
    this.setLayout("single");
    const pane = this.activePane;
    if (pane?.image) Object.assign(pane, { isFitted: false, view: around(pane.image, pane.frame, box) });
    this.refresh();
  }

  /** Draw a region without a mouse: steps move, or with `resize` stretch, a rectangle in the active image. */
  nudgeRegion(dx: number, dy: number, resize = false): void {
    if (this.activePane?.ready) this.spoken.textContent = nudge(this.activePane, dx, dy, resize);
  }

  confirmRegion(): void {
    if (this.activePane) this.finish(this.activePane, "region");
  }

  cancelRegion(): void {
    if (this.activePane) this.discard(this.activePane);
  }

  current(): ViewerState {
    const pane = this.activePane;
    const zoom = pane?.ready ? pane.view.scale * (window.devicePixelRatio || 1) : 0;
    return { ...this.state, zoom, window: pane?.ready ? { ...pane.window } : null };
  }

  focus(): void {
    this.activePane?.root.focus();
  }

  destroy(): void {
    this.clear();
    this.resized.disconnect();
    cancelAnimationFrame(this.stateDue);
    for (const pane of this.panes) pane.destroy();
    destroyEngine();
    this.root.remove();
  }

  private get active(): StudyImage | null {
    return this.order.find((image) => image.index === this.state.active) ?? null;
  }

  private get activePane(): Pane | null {
    return this.active ? this.panes[this.place(this.active)]! : null;
  }

  private makePane(place: number): Pane {
    const pane = new Pane(`pane-${place}`, this.root, () => this.state, place === PRIOR ? texts.prior : (name) => name);
    listen(pane, this.actions());
    return pane;
  }

  private actions(): Actions {
    return {
      tool: () => this.state.tool,
      activate: (pane) => {
        const isCurrent = pane.image && pane !== this.panes[PRIOR];
        if (isCurrent && pane.image!.index !== this.state.active) this.activate(pane.image!.index);
      },
      pan: (pane, dx, dy) => this.movePane(pane, dx, dy),
      zoom: (pane, factor, at) => this.zoomPane(pane, factor, at),
      window: (pane, dx, dy) => this.windowPane(pane, dx, dy),
      sketch: (pane, tool, from, to) => this.sketch(pane, tool, from, to),
      finish: (pane, tool) => this.finish(pane, tool),
      toggle: () => this.setLayout(this.state.layout === "single" ? this.backTo : "single"),
      key: (pane, key, shift) => this.key(pane, key, shift),
    };
  }

  private place(image: StudyImage): number {
    const found = this.study ? hang(this.study).indexOf(image) : -1;
    return found < 0 ? EXTRA : found;
  }

  private async fill(pane: Pane, image: StudyImage | null, study: Study): Promise<void> {
    if (!image) return pane.empty();
    if (pane.image !== image) pane.measures = [];
    pane.regions = this.regions.get(imageId(study.id, image.index)) ?? [];
    const { signal } = this.leaving;
    try {
      await pane.show(image, study.id);
    } catch (error) {
      if (!signal.aborted) this.events.onError(image.index, error instanceof Error ? error.message : String(error));
    }
  }

  private async fillPrior(): Promise<void> {
    if (this.state.layout !== "prior") return;
    const pane = this.panes[PRIOR]!;
    const image = this.active && this.prior ? priorOf(this.active, this.prior) : null;
    if (!image || !this.prior) return pane.empty(texts.noPrior);
    await this.fill(pane, image, this.prior);
    if (this.state.sync) this.tie(pane);
  }

  /** Give a pane the view and the window of the active one. */
  private tie(pane: Pane): void {
    const from = this.activePane;
    if (!from?.ready || !from.image || !pane.ready || !pane.image) return;
    pane.view = absolute(pane.image, pane.frame, relative(from.image, from.frame, from.view));
    pane.isFitted = from.isFitted;
    pane.window = carried(from, pane);
    pane.refresh();
  }

  /** Images that are not on the screen yet, one after the other, so that turning to them is instant. */
  private async fetchRest(left: AbortSignal): Promise<void> {
    const rest = [this.study, this.prior].flatMap((study) => (study ? study.images.map((image) => ({ study, image })) : []));
    for (const { study, image } of rest) {
      const id = imageId(study.id, image.index);
      if (left.aborted) return;
      if (image.values_url && !isLoaded(id)) await load(id).catch(() => undefined);
    }
  }

  private fillRegions(): void {
    for (const pane of this.panes) {
      if (pane.image) pane.regions = this.regions.get(imageId(pane.study, pane.image.index)) ?? [];
      pane.mark();
    }
  }

  /** Put the panes where the layout wants them. */
  private arrange(): void {
    const { layout } = this.state;
    const alone = this.active ? this.place(this.active) : 0;
    this.panes.forEach((pane, place) => {
      pane.place(spot(layout, place, alone));
      pane.root.dataset["active"] = String(pane === this.activePane);
    });
    renderingEngine().resize(false, true);
    this.refresh();
  }

  private coarsen(on: boolean): void {
    for (const pane of this.panes) pane.coarsen(on);
    renderingEngine().resize(false, true);
    this.refresh();
  }

  private refresh(): void {
    for (const pane of this.panes) if (pane.visible) pane.refresh();
    this.tell();
  }

  /** Change the active pane, or every pane where they are tied together. */
  private each(change: (pane: Pane) => void): void {
    const changed = this.state.sync ? this.panes : this.activePane ? [this.activePane] : [];
    for (const pane of changed) if (pane.ready) change(pane);
    this.refresh();
  }

  private step(by: number): void {
    const at = this.order.findIndex((image) => image.index === this.state.active);
    const image = this.order[(at + by + this.order.length) % this.order.length];
    if (image) this.activate(image.index);
  }

  private movePane(pane: Pane, dx: number, dy: number): void {
    if (!pane.image) return;
    const { focus, scale } = pane.view;
    const across = (dx * pane.frame.flip) / (scale * aspect(pane.image));
    this.look(pane, { scale, focus: [focus[0] - across, focus[1] - dy / scale] });
  }

  private zoomPane(pane: Pane, factor: number, at: Point): void {
    if (pane.image) this.look(pane, zoomedAt(pane.image, pane.frame, pane.view, factor, at));
  }

  /** Give a pane a view and take the others along, mirrored where the chest wall is on the other side. */
  private look(pane: Pane, view: Pane["view"]): void {
    if (!pane.image) return;
    this.pace.moved();
    Object.assign(pane, { view, isFitted: false });
    const share = relative(pane.image, pane.frame, view);
    for (const other of this.state.sync ? this.panes : []) {
      if (other === pane || !other.ready || !other.image || !other.visible) continue;
      Object.assign(other, { view: absolute(other.image, other.frame, share), isFitted: false });
    }
    this.refresh();
  }

  private windowPane(pane: Pane, dx: number, dy: number): void {
    this.pace.moved();
    pane.window = dragged(pane, dx, dy);
    for (const other of this.state.sync ? this.panes : []) {
      if (other !== pane && other.ready) other.window = carried(pane, other);
    }
    this.refresh();
  }

  private sketch(pane: Pane, tool: "length" | "region", from: Point, to: Point): void {
    const [a, b] = [pane.toSource(from), pane.toSource(to)];
    const box: Box = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
    pane.draft = tool === "region" ? { kind: "box", box } : { kind: "line", line: { from: a, to: b } };
    pane.mark();
  }

  private finish(pane: Pane, tool: "length" | "region"): void {
    const { draft, image } = pane;
    const box = tool === "region" ? drafted(pane) : null;
    this.discard(pane);
    if (draft?.kind === "line") pane.measures = [...pane.measures, draft.line];
    pane.mark();
    if (box && image) this.events.onRegion(image.index, box, pane.study);
  }

  private discard(pane: Pane): void {
    pane.draft = null;
    pane.mark();
  }

  /** Keys of the region tool; all other keys are the page's. */
  private key(pane: Pane, key: string, shift: boolean): boolean {
    if (this.state.tool !== "region" || pane !== this.activePane) return false;
    const step = STEPS[key];
    if (step) this.nudgeRegion(step[0], step[1], shift);
    else if (key === "Enter" && pane.draft) this.confirmRegion();
    else if (key === "Escape" && pane.draft) this.cancelRegion();
    else return false;
    return true;
  }

  /** Tell the state once per frame at most. */
  private tell(): void {
    if (this.stateDue) return;
    this.stateDue = requestAnimationFrame(() => {
      this.stateDue = 0;
      this.events.onState(this.current());
    });
  }
}

/** What stays where it is when a key zooms: the middle, or the chest wall while the whole image shows, since the middle is air. */
function held(pane: Pane): Point {
  const { width, height, wall } = pane.frame;
  return [!pane.isFitted || !wall ? width / 2 : wall === "right" ? width : 0, height / 2];
}

const STEPS: Record<string, Point | undefined> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function spot(layout: Layout, place: number, alone: number) {
  const whole = { left: 0, top: 0, width: 1, height: 1 };
  if (layout === "four") {
    const [left, top] = [(place % 2) * HALF, Math.floor(place / 2) * HALF];
    return place < SLOTS ? { left, top, width: HALF, height: HALF } : null;
  }
  if (layout === "single") return place === alone ? whole : null;
  if (place === alone) return { ...whole, width: HALF };
  return place === PRIOR ? { ...whole, left: HALF, width: HALF } : null;
}
