/** Which page the address names: "#/study/12?prior=7" is page "study", id "12", prior "7". */
export interface Route {
  page: string;
  id: string | null;
  prior: string | null;
}

/** A page on show: its element, its title and what to undo when it is left. */
export interface Page {
  node: HTMLElement;
  title: string;
  leave?: () => void;
}

export function route(hash: string = location.hash): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", id = ""] = path.split("/");
  return {
    page: page || "study",
    id: id ? decodeURIComponent(id) : null,
    prior: new URLSearchParams(query).get("prior"),
  };
}

export function address(page: string, id?: string | null, prior?: string | null): string {
  const query = prior ? `?prior=${encodeURIComponent(prior)}` : "";
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${query}`;
}

export function go(hash: string): void {
  location.hash = hash;
}
