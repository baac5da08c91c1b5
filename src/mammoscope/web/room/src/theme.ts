/** Light or dark: as the system asks until the reader chooses. */
import { el, fill, icon } from "./dom";
import { ICONS } from "./icons";
import { text } from "./text";

type Theme = "system" | "light" | "dark";
const KEY = "mammoscope-theme";
const ORDER: readonly Theme[] = ["system", "light", "dark"];

function stored(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

function show(theme: Theme): void {
  const system = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  document.documentElement.dataset.theme = theme === "system" ? system : theme;
}

/** A button that steps through the themes and says which one holds. */
export function themeSwitch(): HTMLButtonElement {
  const button = el("button", { type: "button", class: "plain" });
  let theme = stored();
  const paint = (): void => {
    show(theme);
    fill(button, icon(ICONS.invert), el("span", {}, text.theme[theme]));
    button.title = text.theme.hint;
  };
  button.addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? "system";
    localStorage.setItem(KEY, theme);
    paint();
  });
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", paint);
  paint();
  return button;
}
