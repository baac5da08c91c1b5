/** Files in, a study out: the start page of reading and of ultrasound. */
import { api } from "../api";
import { el, fill } from "../dom";
import { follow } from "../jobs";
import { address, go } from "../router";
import { text } from "../text";
import { fail } from "../toast";
import type { Job } from "../types";
import { dropZone } from "./dropzone";
import { jobView } from "./progress";

export interface Upload {
  node: HTMLElement;
  send(files: File[]): void;
}

function openButton(page: string, id: string, at: number, of: number): HTMLAnchorElement {
  const label = of > 1 ? text.upload.openOne(at + 1, of) : text.upload.open;
  return el("a", { class: "button primary", href: address(page, id) }, label);
}

/** Where files are taken, their progress shown, and the new study opened. */
export function upload(page: "study" | "ultrasound", words: { title: string; hint: string }): Upload {
  const place = el("div", { class: "upload" });

  function finish(job: Job, view: ReturnType<typeof jobView>): void {
    const refused = job.files.filter((file) => file.state === "refused" || file.state === "failed");
    const [first] = job.studies;
    // With a refusal on the list the reader must see it before the page moves on.
    if (first && job.studies.length === 1 && refused.length === 0) {
      go(address(page, first));
      return;
    }
    const again = el("button", { type: "button", click: start }, text.upload.again);
    const opened = job.studies.map((id, at) => openButton(page, id, at, job.studies.length));
    view.after(opened, again);
    (opened[0] ?? again).focus();
  }

  async function run(begin: (sending: (share: number) => void) => Promise<{ job: string }>): Promise<void> {
    const view = jobView();
    fill(place, view.node);
    try {
      const { job } = await begin((share) => view.sending(share));
      finish(await follow(job, (state) => view.show(state)), view);
    } catch (error) {
      fail(error);
      start();
    }
  }

  const send = (files: File[]): void => void run((sending) => api.upload(files, sending));

  function start(): void {
    fill(
      place,
      dropZone({ ...words, folders: true, onFiles: send }),
      page === "study" && el("p", { class: "centre" },
        el("button", { type: "button", click: () => void run(() => api.demo()) }, text.upload.demo),
        el("span", { class: "quiet" }, text.upload.demoHint)),
    );
  }

  start();
  return { node: place, send };
}
