/** Questions in a modal dialog. */
import { el, freshId, type Child } from "./dom";
import { text } from "./text";

/** Opens a dialog and resolves with the value of the button that closed it ("" for Escape). */
export function ask(title: string, body: Child, buttons: readonly [value: string, label: string][]): Promise<string> {
  const id = freshId("dialog");
  const last = buttons.length - 1;
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id }, title),
    body,
    el("div", { class: "row end" }, buttons.map(([value, label], at) =>
      el("button", { value, class: at === last ? "primary" : "" }, label))),
  );
  const dialog = el("dialog", { "aria-labelledby": id }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

export async function confirmed(title: string, detail: string, yes: string): Promise<boolean> {
  const answer = await ask(title, el("p", {}, detail), [["", text.cancel], ["yes", yes]]);
  return answer === "yes";
}
