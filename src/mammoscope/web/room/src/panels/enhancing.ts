/** Sharpening and contrast: a switch and a strength for each, told at every move. */
import { el, freshId } from "../dom";
import { text } from "../text";

export interface Enhancing {
  sharpen: number;
  contrast: number;
}

interface Knob {
  node: HTMLElement;
  value(): number;
}

function knob(label: string, low: number, high: number, step: number, usual: number, onChange: () => void): Knob {
  const id = freshId("knob");
  const on = el("input", { type: "checkbox", id });
  const strength = el("input", { type: "range", min: low, max: high, step, value: usual, "aria-label": text.region.strength(label) });
  const told = el("output", {}, text.toolbar.off);
  const tell = (): void => {
    told.textContent = on.checked ? strength.valueAsNumber.toFixed(1) : text.toolbar.off;
    onChange();
  };
  on.addEventListener("change", tell);
  strength.addEventListener("input", () => {
    on.checked = true;
    tell();
  });
  return {
    node: el("div", { class: "knob" }, el("label", { class: "check", for: id }, on, label), strength, told),
    value: () => (on.checked ? strength.valueAsNumber : 0),
  };
}

export function enhancing(onChange: (values: Enhancing) => void): { node: HTMLElement; values(): Enhancing } {
  const values = (): Enhancing => ({ sharpen: sharpen.value(), contrast: contrast.value() });
  const tell = (): void => onChange(values());
  const sharpen = knob(text.region.sharpen, 0.1, 3, 0.1, 1, tell);
  const contrast = knob(text.region.contrast, 0.5, 10, 0.5, 2, tell);
  return { node: el("div", { class: "knobs" }, sharpen.node, contrast.node), values };
}
