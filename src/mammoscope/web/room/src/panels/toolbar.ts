/** The row of tools over the pictures. */
import { ACTIONS, drawing, hint, type ActionId } from "../actions";
import { el, fill, freshId, icon } from "../dom";
import { percent } from "../format";
import { showHelp } from "./help";
import type { Reading } from "../reading";
import { text } from "../text";
import type { ViewerState } from "../viewer";

const TOOLS = ["window", "pan", "zoom", "length", "region", "magnify"] as const;
const CHANGES = ["invert", "reset", "fit", "one"] as const;
const LAYOUTS = ["four", "single", "prior"] as const;

export interface Toolbar {
  node: HTMLElement;
  update(state: ViewerState): void;
}

function button(reading: Reading, id: ActionId): HTMLButtonElement {
  const action = ACTIONS.find((one) => one.id === id);
  const node = el("button", { type: "button", class: "tool", title: hint(id), click: () => action?.run(reading) },
    icon(drawing(id)), el("span", {}, text.actions[id].short));
  node.dataset["action"] = id;
  return node;
}

function group(label: string, ...children: HTMLElement[]): HTMLElement {
  return el("div", { class: "group", role: "group", "aria-label": label }, children);
}

function presets(reading: Reading): { node: HTMLElement; update(): void } {
  const id = freshId("preset");
  const choice = el("select", { id, title: hint("preset") });
  // Chosen by mouse, the list must not keep the keys; one who steps through it by keys stays in it.
  let byMouse = false;
  choice.addEventListener("pointerdown", () => { byMouse = true; });
  choice.addEventListener("keydown", () => { byMouse = false; });
  choice.addEventListener("change", () => {
    reading.viewer.preset(choice.value);
    if (byMouse) reading.viewer.focus();
  });
  let known = "";
  const update = (): void => {
    const names = reading.viewer.presets();
    if (names.join("\n") === known) return;
    known = names.join("\n");
    fill(choice, names.map((name) => el("option", { value: name }, name)));
  };
  update();
  return { node: el("label", { class: "field", for: id }, el("span", {}, text.toolbar.presets), choice), update };
}

function mapRange(reading: Reading): { node: HTMLElement; update(state: ViewerState): void } {
  const input = el("input", { type: "range", min: 0, max: 100, step: 5, title: `${hint("mapMore")}, ${hint("mapLess")}` });
  const told = el("output", {});
  input.addEventListener("input", () => reading.viewer.setMapOpacity(input.valueAsNumber / 100));
  return {
    node: el("label", { class: "field" }, el("span", {}, text.toolbar.map, " ", told), input),
    update(state) {
      input.value = String(Math.round(100 * state.mapOpacity));
      told.textContent = state.mapOpacity === 0 ? text.toolbar.off : percent(state.mapOpacity);
    },
  };
}

/** Which buttons are pressed in a state. */
function pressed(id: string, state: ViewerState): boolean | null {
  if ((TOOLS as readonly string[]).includes(id)) return state.tool === id;
  if ((LAYOUTS as readonly string[]).includes(id)) return state.layout === id;
  if (id === "invert") return state.inverted;
  if (id === "boxes") return state.boxes;
  return id === "sync" ? state.sync : null;
}

export function toolbar(reading: Reading): Toolbar {
  const preset = presets(reading);
  const map = mapRange(reading);
  // Ultrasound pictures have no region network and no hanging to hold a prior against.
  const without: readonly ActionId[] = reading.study.ultrasound ? ["region", "prior", "sync"] : [];
  const make = (ids: readonly ActionId[]): HTMLButtonElement[] =>
    ids.filter((id) => !without.includes(id)).map((id) => button(reading, id));
  const help = el("button", { type: "button", class: "tool", title: text.help.open, click: showHelp },
    icon(drawing("help" as ActionId)), el("span", {}, text.nav.help));
  const node = el("div", { class: "toolbar", role: "region", "aria-label": text.toolbar.label },
    group(text.toolbar.tools, ...make(TOOLS)),
    group(text.toolbar.window, preset.node, ...make(CHANGES)),
    group(text.toolbar.overlay, map.node, ...make(["boxes", "sync"])),
    group(text.toolbar.layout, ...make(LAYOUTS)),
    help);
  const buttons = [...node.querySelectorAll<HTMLButtonElement>("button[data-action]")];
  const update = (state: ViewerState): void => {
    preset.update();
    map.update(state);
    for (const one of buttons) {
      const on = pressed(one.dataset["action"] ?? "", state);
      if (on !== null) one.setAttribute("aria-pressed", String(on));
    }
  };
  update(reading.state);
  return { node, update };
}
