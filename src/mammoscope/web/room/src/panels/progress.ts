/** How far a job is, file by file, in words and signs. */
import { el, fill, icon, type Child } from "../dom";
import { ICONS } from "../icons";
import { text } from "../text";
import type { Job, JobFile } from "../types";

const SIGN = {
  waiting: ICONS.waiting, reading: ICONS.reset, read: ICONS.done, refused: ICONS.refused, failed: ICONS.refused,
} as const;

function fileRow(file: JobFile): HTMLElement {
  return el("li", { class: `file ${file.state}` },
    icon(SIGN[file.state]),
    el("span", { class: "name" }, file.name),
    el("span", { class: "state" }, text.upload.state[file.state]),
    file.reason && el("p", {}, file.reason));
}

export interface JobView {
  node: HTMLElement;
  sending(share: number): void;
  show(job: Job): void;
  after(...children: Child[]): void;
}

/** The counts are announced politely; the list itself is not, it changes too often. */
export function jobView(): JobView {
  const bar = el("progress", { max: 1, "aria-label": text.upload.progress });
  const said = el("p", { role: "status" });
  const files = el("ul", { class: "files" });
  const end = el("div", { class: "row centre" });
  const node = el("section", { class: "job", "aria-label": text.upload.progress }, said, bar, files, end);
  return {
    node,
    sending(share) {
      bar.value = share;
      if (share < 1) said.textContent = text.upload.sending(share);
      else {
        said.textContent = text.upload.queued;
        bar.removeAttribute("value");
      }
    },
    show(job) {
      const over = job.files.filter((file) => file.state !== "waiting" && file.state !== "reading").length;
      // Reading is half of the way, judging the other.
      if (job.total > 0) bar.value = (over / Math.max(1, job.files.length) + job.done / job.total) / 2;
      said.textContent = job.error ?? text.upload.counts(job);
      said.classList.toggle("failed", job.state === "failed");
      fill(files, job.files.map(fileRow));
    },
    after(...children) {
      bar.hidden = true;
      fill(end, children);
    },
  };
}
