/** A place for files: drop, or choose files or a folder. */
import { el, freshId, icon } from "../dom";
import { droppedFiles, worthSending } from "../dropped";
import { ICONS } from "../icons";
import { text } from "../text";
import { attempt, fail } from "../toast";

export interface DropZone {
  title: string;
  hint: string;
  accept?: string;
  folders: boolean;
  onFiles: (files: File[]) => void;
}

function chooser(label: string, folder: boolean, zone: DropZone, take: (files: File[]) => void): HTMLElement {
  const input = el("input", { type: "file", multiple: true, class: "unseen", tabindex: -1, "aria-hidden": "true" });
  if (folder) input.webkitdirectory = true;
  else if (zone.accept) input.accept = zone.accept;
  input.addEventListener("change", () => {
    take([...(input.files ?? [])].filter(worthSending));
    input.value = "";
  });
  const button = el("button", { type: "button", click: () => input.click() }, label);
  return el("span", {}, button, input);
}

/** Marks an element as one that files can be dropped on. */
export function acceptDrops(node: HTMLElement, take: (files: File[]) => void): void {
  node.addEventListener("dragover", (event) => {
    event.preventDefault();
    node.classList.add("over");
  });
  node.addEventListener("dragleave", () => node.classList.remove("over"));
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    // A zone within another takes the files alone.
    event.stopPropagation();
    node.classList.remove("over");
    const data = event.dataTransfer;
    if (data) attempt(async () => take(await droppedFiles(data)));
  });
}

export function dropZone(zone: DropZone): HTMLElement {
  const take = (files: File[]): void => {
    if (files.length === 0) fail(new Error(text.upload.nothing));
    else zone.onFiles(files);
  };
  const id = freshId("drop");
  const node = el(
    "section",
    { class: "drop", "aria-labelledby": id },
    icon(ICONS.drop),
    el("h2", { id }, zone.title),
    el("p", { class: "quiet" }, zone.hint),
    el("div", { class: "row centre" },
      chooser(text.upload.files, false, zone, take),
      zone.folders && chooser(text.upload.folder, true, zone, take)),
  );
  acceptDrops(node, take);
  return node;
}
