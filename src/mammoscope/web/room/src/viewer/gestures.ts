import type { Pane } from "./pane";
import type { Point, Tool } from "./types";

/** What the viewer does at a gesture; distances in CSS pixels, points from the pane's top left corner. */
export interface Actions {
  tool(): Tool;
  activate(pane: Pane): void;
  pan(pane: Pane, dx: number, dy: number): void;
  zoom(pane: Pane, factor: number, at: Point): void;
  window(pane: Pane, dx: number, dy: number): void;
  sketch(pane: Pane, tool: "length" | "region", from: Point, to: Point): void;
  finish(pane: Pane, tool: "length" | "region"): void;
  toggle(pane: Pane): void;
  /** Returns whether the key was used. */
  key(pane: Pane, key: string, shift: boolean): boolean;
}

type Drag = { pointer: number; tool: Tool; start: Point; last: Point };

/** Wire mouse, pen, finger and keys of one pane to the viewer. */
export function listen(pane: Pane, actions: Actions): void {
  const { root } = pane;
  let drag: Drag | null = null;

  root.addEventListener("pointerdown", (event) => {
    actions.activate(pane);
    if (!pane.ready || drag) return;
    const at = pointOf(root, event);
    drag = { pointer: event.pointerId, tool: event.button === 0 ? actions.tool() : "pan", start: at, last: at };
    root.setPointerCapture(event.pointerId);
    if (drag.tool === "magnify") pane.magnify(at);
  });

  root.addEventListener("pointermove", (event) => {
    const at = pointOf(root, event);
    if (!drag && pane.ready && actions.tool() === "magnify") pane.magnify(at);
    if (!drag || drag.pointer !== event.pointerId) return;
    move(pane, actions, drag, at);
    drag.last = at;
  });

  const end = () => {
    const tool = drag?.tool;
    drag = null;
    if (tool === "length" || tool === "region") actions.finish(pane, tool);
  };
  root.addEventListener("pointerup", end);
  root.addEventListener("pointercancel", end);
  root.addEventListener("pointerleave", () => pane.loupe.hide());
  root.addEventListener("contextmenu", (event) => event.preventDefault());
  root.addEventListener("dblclick", () => actions.toggle(pane));
  root.addEventListener("focus", () => actions.activate(pane));
  root.addEventListener("wheel", (event) => turn(pane, actions, event), { passive: false });
  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (!actions.key(pane, event.key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function move(pane: Pane, actions: Actions, drag: Drag, at: Point): void {
  const [dx, dy] = [at[0] - drag.last[0], at[1] - drag.last[1]];
  if (drag.tool === "window") actions.window(pane, dx, dy);
  else if (drag.tool === "pan") actions.pan(pane, dx, dy);
  else if (drag.tool === "zoom") actions.zoom(pane, Math.exp(-dy / 150), drag.start);
  else if (drag.tool === "magnify") pane.magnify(at);
  else actions.sketch(pane, drag.tool, drag.start, at);
}

function turn(pane: Pane, actions: Actions, event: WheelEvent): void {
  event.preventDefault();
  if (!pane.ready) return;
  const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 33 : 1;
  const by = Math.max(-240, Math.min(240, event.deltaY * lines));
  actions.zoom(pane, Math.exp(-by * 0.0015), pointOf(pane.root, event));
}

function pointOf(root: HTMLElement, event: MouseEvent): Point {
  const { left, top } = root.getBoundingClientRect();
  return [event.clientX - left - root.clientLeft, event.clientY - top - root.clientTop];
}
