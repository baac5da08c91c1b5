/** The page's frame: who may enter, which section is open, what stands around it. */
import { api, whenLoggedOut } from "./api";
import { el, fill } from "./dom";
import { keysOn, taken } from "./keys";
import { comparePage } from "./panels/compare";
import { evaluatePage } from "./panels/evaluate";
import { helpPage, showHelp } from "./panels/help";
import { loginPage } from "./panels/login";
import { modelsPage } from "./panels/models";
import { startPage } from "./panels/start";
import { studyPage } from "./panels/study";
import { worklistPage } from "./panels/worklist";
import { address, route, type Page, type Route } from "./router";
import "./style.css";
import { text } from "./text";
import { themeSwitch } from "./theme";
import { attempt, clearToasts, fail, toastShelf } from "./toast";

const SECTIONS = ["study", "worklist", "ultrasound", "compare", "evaluate", "models", "help"] as const;

const main = el("main", { id: "main", tabindex: -1 });
const links = SECTIONS.map((section) => el("a", { href: address(section) }, text.nav[section]));
const logout = el("button", { type: "button", class: "plain", hidden: true }, text.login.leave);
let shown: Page | null = null;

function pageOf(to: Route): Page {
  switch (to.page) {
    case "worklist": return worklistPage();
    case "compare": return comparePage();
    case "evaluate": return evaluatePage();
    case "models": return modelsPage(to.id);
    case "help": return helpPage();
    case "ultrasound": return to.id ? studyPage(to.id, null, "ultrasound") : startPage("ultrasound");
    default: return to.id ? studyPage(to.id, to.prior, "study") : startPage("study");
  }
}

function show(page: Page): void {
  shown?.leave?.();
  shown = page;
  fill(main, page.node);
  document.title = `${page.title} · ${text.program}`;
  main.scrollTop = 0;
}

function open(): void {
  const to = route();
  SECTIONS.forEach((section, at) => {
    if (section === to.page) links[at]?.setAttribute("aria-current", "page");
    else links[at]?.removeAttribute("aria-current");
  });
  show(pageOf(to));
}

function header(): HTMLElement {
  return el("header", {},
    el("a", { class: "brand", href: address("study") }, text.program),
    el("nav", { "aria-label": text.nav.label }, links),
    themeSwitch(), logout);
}

function footer(): HTMLElement {
  const version = el("span", {});
  api.version().then((said) => {
    version.textContent = `${text.program} ${said.version}`;
  }, () => undefined);
  return el("footer", {}, el("p", {}, el("b", {}, text.research)), version);
}

function door(): void {
  show(loginPage(() => {
    logout.hidden = false;
    open();
  }));
}

async function enter(): Promise<void> {
  const session = await api.session();
  logout.hidden = !session.login_needed || !session.logged_in;
  if (session.login_needed && !session.logged_in) door();
  else open();
}

document.documentElement.lang = text.language;
const skip = el("a", { class: "skip", href: "#main" }, text.nav.skip);
skip.addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
fill(document.body, skip, header(), main, footer(), toastShelf());
logout.addEventListener("click", () => attempt(async () => {
  await api.logout();
  logout.hidden = true;
  door();
}));
whenLoggedOut(door);
addEventListener("hashchange", () => {
  clearToasts();
  open();
  main.focus({ preventScroll: true });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "?" || !keysOn.get() || taken(event)) return;
  event.preventDefault();
  showHelp();
});
enter().catch((error: unknown) => {
  fail(error);
  open();
});
