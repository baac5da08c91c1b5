/** Elements built without a framework; text only ever enters as a text node. */

type Value = string | number | boolean | null | undefined | EventListener;
export type Child = Node | string | number | null | undefined | false | readonly Child[];

function append(node: Node, child: Child): void {
  if (child === null || child === undefined || child === false) return;
  if (child instanceof Node) node.appendChild(child);
  else if (typeof child === "string" || typeof child === "number") {
    node.appendChild(document.createTextNode(String(child)));
  } else for (const one of child) append(node, one);
}

function apply(node: Element, name: string, value: Value): void {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") node.addEventListener(name, value);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/** An element with attributes (functions become listeners of that event) and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) apply(node, name, value);
  append(node, children);
  return node;
}

/** Puts these children in the place of those that are there. */
export function fill(node: Element, ...children: Child[]): void {
  node.replaceChildren();
  append(node, children);
}

/** A line drawing of 16 by 16, hidden from screen readers: its neighbour says what it means. */
export function icon(path: string): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("aria-hidden", "true");
  drawing.classList.add("icon");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  drawing.appendChild(line);
  return drawing;
}

/** Sets custom properties of the style, which a policy against style attributes permits. */
export function place<E extends HTMLElement>(node: E, properties: Record<string, string>): E {
  for (const [name, value] of Object.entries(properties)) node.style.setProperty(name, value);
  return node;
}

let last = 0;

/** An id that no other element of the page has. */
export function freshId(stem: string): string {
  last += 1;
  return `${stem}-${last}`;
}
