/** Keys of the reading page; off while something is typed or a dialog is open. */
import { ACTIONS } from "./actions";
import type { Reading } from "./reading";

const SWITCH = "mammoscope-keys";

/** Single-letter keys can be switched off, for readers who speak to the machine (WCAG 2.1.4). */
export const keysOn = {
  get: (): boolean => localStorage.getItem(SWITCH) !== "off",
  set: (on: boolean): void => localStorage.setItem(SWITCH, on ? "on" : "off"),
};

/** True where a key belongs to the element in focus: typing, ranges, lists, open dialogs. */
export function taken(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (document.querySelector("dialog[open]")) return true;
  const at = event.target instanceof Element ? event.target : null;
  if (at?.closest("textarea, select, [contenteditable]")) return true;
  if (!(at instanceof HTMLInputElement)) return false;
  return at.type !== "checkbox" && (at.type !== "range" || event.key.startsWith("Arrow"));
}

/** The key as the list of actions writes it; only G and the arrows mean something else with Shift. */
function nameOf(event: KeyboardEvent): string {
  if (event.shiftKey && event.key.startsWith("Arrow")) return `Shift+${event.key}`;
  return event.key.length > 1 || (event.key === "G" && event.shiftKey) ? event.key : event.key.toLowerCase();
}

/** Listens until the returned function is called. */
export function bindKeys(reading: Reading): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && event.target instanceof HTMLElement && event.target.matches("textarea, input[type=text]")) {
      reading.viewer.focus();
      return;
    }
    if (!keysOn.get() || taken(event)) return;
    const key = nameOf(event);
    const action = ACTIONS.find((one) => one.keys.includes(key));
    if (!action) return;
    event.preventDefault();
    action.run(reading);
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
