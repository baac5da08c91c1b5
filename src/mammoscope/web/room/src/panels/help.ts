/** The help sheet: keys, what the numbers mean, what the program is not. */
import { ACTIONS, keySign } from "../actions";
import { ask } from "../dialogs";
import { el } from "../dom";
import { keysOn } from "../keys";
import type { Page } from "../router";
import { text } from "../text";

function keyTable(): HTMLElement {
  const rows = ACTIONS.map((action) =>
    el("tr", {},
      el("td", {}, action.keys.map((key, at) => [at > 0 && " ", el("kbd", {}, keySign(key))])),
      el("td", {}, text.actions[action.id].long)));
  const help = el("tr", {}, el("td", {}, el("kbd", {}, "?")), el("td", {}, text.help.open));
  return el("table", { class: "keys" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, text.help.key), el("th", { scope: "col" }, text.help.does))),
    el("tbody", {}, rows, help));
}

function keySwitch(): HTMLElement {
  const box = el("input", { type: "checkbox" });
  box.checked = keysOn.get();
  box.addEventListener("change", () => keysOn.set(box.checked));
  return el("label", { class: "check" }, box, text.help.keysOn);
}

function mouse(): HTMLElement {
  return el("ul", {}, text.help.mouse.map((line) => el("li", {}, line)));
}

let open = false;

/** The sheet of keys over the page; a second call while it is open does nothing. */
export function showHelp(): void {
  if (open) return;
  open = true;
  void ask(text.help.title, el("div", { class: "sheet", tabindex: 0, role: "region", "aria-label": text.help.title },
    keySwitch(), keyTable(), mouse()), [["", text.close]]).then(() => {
    open = false;
  });
}

export function helpPage(): Page {
  const parts = text.help.parts.map(([title, ...lines]) =>
    el("section", { class: "card" }, el("h2", {}, title), lines.map((line) => el("p", {}, line))));
  const node = el("div", { class: "page help" },
    el("h1", {}, text.help.heading),
    el("div", { class: "columns" },
      parts,
      el("section", { class: "card" }, el("h2", {}, text.help.title), keySwitch(), keyTable()),
      el("section", { class: "card" }, el("h2", {}, text.help.mouseTitle), mouse()),
      el("section", { class: "card" }, el("h2", {}, text.help.more),
        el("ul", {},
          el("li", {}, el("a", { href: "/try" }, text.help.tryIt)),
          el("li", {}, el("a", { href: "/openapi.json" }, text.help.api))))));
  return { node, title: text.nav.help };
}
