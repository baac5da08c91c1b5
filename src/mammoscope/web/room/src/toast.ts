/** Short messages over the page; failures are alerts, so a screen reader speaks at once. */
import { el, icon } from "./dom";
import { ICONS } from "./icons";
import { text } from "./text";

const LIFE_MS = { error: 9000, news: 4000 } as const;
const shelf = el("div", { class: "toasts" });

export function toastShelf(): HTMLElement {
  return shelf;
}

function put(message: string, kind: "error" | "news"): void {
  const close = el("button", { type: "button", class: "plain", "aria-label": text.close }, icon(ICONS.refused));
  const role = kind === "error" ? "alert" : "status";
  const toast = el("div", { class: `toast ${kind}`, role }, el("p", {}, message), close);
  close.addEventListener("click", () => toast.remove());
  shelf.append(toast);
  setTimeout(() => toast.remove(), LIFE_MS[kind]);
}

/** Messages belong to the page that gave rise to them. */
export function clearToasts(): void {
  shelf.replaceChildren();
}

export function news(message: string): void {
  put(message, "news");
}

export function fail(error: unknown): void {
  put(error instanceof Error ? error.message : String(error), "error");
}

/** Runs what a click started; whatever goes wrong becomes a toast. */
export function attempt(work: () => Promise<unknown>): void {
  work().catch(fail);
}
