/** The reader's verdict and note, saved as they are given. */
import { api } from "../api";
import { el, freshId, icon } from "../dom";
import { ICONS } from "../icons";
import { text } from "../text";
import { fail } from "../toast";
import type { Study, Verdict } from "../types";
import { section } from "./results";

const WAIT_MS = 700;
const CHOICES: readonly Verdict[] = ["agree", "disagree", "missed"];
const SIGNS = { agree: ICONS.done, disagree: ICONS.refused, missed: ICONS.unsure } as const;

export function verdict(study: Study): { node: HTMLElement; leave(): void } {
  let chosen = study.verdict;
  let timer = 0;
  const id = freshId("note");
  const note = el("textarea", { id, rows: 2, maxlength: 2000, placeholder: text.verdict.notePlaceholder });
  const saved = el("p", { role: "status", class: "quiet" }, chosen || study.note ? text.verdict.saved : text.verdict.none);
  note.value = study.note;

  async function save(): Promise<void> {
    clearTimeout(timer);
    timer = 0;
    saved.textContent = text.verdict.saving;
    try {
      await api.verdict(study.id, chosen, note.value);
      saved.textContent = text.verdict.savedAt(new Date().toLocaleTimeString(text.language));
    } catch (error) {
      saved.textContent = text.verdict.notSaved;
      fail(error);
    }
  }

  const buttons = CHOICES.map((choice) => {
    const button = el("button", { type: "button", class: "choice", "aria-pressed": String(choice === chosen) },
      icon(SIGNS[choice]), text.verdict.words[choice]);
    button.addEventListener("click", () => {
      chosen = chosen === choice ? null : choice;
      buttons.forEach((other, at) => other.setAttribute("aria-pressed", String(CHOICES[at] === chosen)));
      void save();
    });
    return button;
  });
  note.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void save(), WAIT_MS);
  });
  const flush = (): void => {
    if (timer) void save();
  };
  note.addEventListener("blur", flush);
  const node = section(text.verdict.title,
    el("div", { class: "row", role: "group", "aria-label": text.verdict.title }, buttons),
    el("label", { for: id, class: "quiet" }, text.verdict.note), note, saved);
  return { node, leave: flush };
}
