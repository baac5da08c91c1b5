/** The door, where the installation has one. */
import { api } from "../api";
import { el, freshId } from "../dom";
import type { Page } from "../router";
import { text } from "../text";
import { fail } from "../toast";

export function loginPage(onOpen: () => void): Page {
  const id = freshId("token");
  const token = el("input", { id, type: "password", autocomplete: "current-password", required: true });
  const form = el("form", { class: "card login" },
    el("h1", {}, text.login.heading), el("p", { class: "quiet" }, text.login.detail),
    el("label", { for: id }, text.login.token), token,
    el("button", { type: "submit", class: "primary" }, text.login.enter));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    api.login(token.value).then(onOpen, (error: unknown) => {
      token.value = "";
      token.focus();
      fail(error);
    });
  });
  queueMicrotask(() => token.focus());
  return { node: el("div", { class: "page" }, form), title: text.login.heading };
}
