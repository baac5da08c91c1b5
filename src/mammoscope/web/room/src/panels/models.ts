/** The model cards: what each model is for, what it is not, and how it was measured. */
import { api } from "../api";
import { el, fill, type Child } from "../dom";
import { heading } from "../numbers";
import { address, type Page } from "../router";
import { text } from "../text";
import { attempt } from "../toast";
import type { Model } from "../types";

function plain(value: unknown): string {
  if (value === null || value === undefined || value === "") return text.models.notGiven;
  if (typeof value === "boolean") return value ? text.yes : text.no;
  if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(3)));
  return String(value);
}

/** A value of a card: objects as definitions, lists as lists, to any depth. */
function shown(value: unknown): Child {
  if (Array.isArray(value)) return el("ul", {}, value.map((one) => el("li", {}, shown(one))));
  if (value === null || typeof value !== "object") return plain(value);
  return el("dl", {}, Object.entries(value).map(([key, inner]) => [
    el("dt", {}, heading(key)), el("dd", {}, shown(inner)),
  ]));
}

const FIRST = ["description", "intended_use", "must_not_be_used_for", "limits"];
const TITLE = new Set(["name"]);

function card(content: Record<string, unknown>): HTMLElement[] {
  const keys = [...FIRST.filter((key) => key in content), ...Object.keys(content).filter((key) => !FIRST.includes(key))];
  return keys.filter((key) => !TITLE.has(key)).map((key) =>
    el("section", { class: FIRST.includes(key) ? "part important" : "part" }, el("h3", {}, heading(key)), el("div", {}, shown(content[key]))));
}

function entry(model: Model, chosen: boolean): HTMLElement {
  return el("li", {},
    el("a", { href: address("models", model.name), "aria-current": chosen ? "page" : null },
      el("b", {}, model.name), el("span", { class: "quiet" }, text.purpose[model.purpose], model.default && ` · ${text.models.default}`)));
}

export function modelsPage(id: string | null): Page {
  const list = el("ul", { class: "models" });
  const place = el("article", { class: "card model" }, el("p", { class: "quiet", role: "status" }, text.worklist.loading));
  attempt(async () => {
    const models = await api.models();
    const name = id ?? (models.find((model) => model.default) ?? models[0])?.name;
    fill(list, models.map((model) => entry(model, model.name === name)));
    if (name) fill(place, el("h2", {}, name), card(await api.card(name)));
  });
  const node = el("div", { class: "page wide" },
    el("h1", {}, text.models.heading), el("p", { class: "lead" }, text.models.lead),
    el("div", { class: "two" }, el("nav", { "aria-label": text.models.heading }, list), place));
  return { node, title: text.nav.models };
}
