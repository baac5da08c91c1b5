/** Follows a job to its end: by server-sent events, and by asking again where those break off. */
import { api, urls } from "./api";
import type { Job } from "./types";

const PAUSE_MS = 700;
const PATIENCE = 5;

const over = (job: Job): boolean => job.state === "done" || job.state === "failed";
/** A study that can be shown need not wait for its report to be written. */
const enough = (job: Job): boolean => over(job)
  || (job.studies.length > 0 && job.files.every((file) => file.state !== "waiting" && file.state !== "reading"));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resolves with the last state heard, or null where the stream broke first. */
function listen(id: string, onChange: (job: Job) => void): Promise<Job | null> {
  return new Promise((resolve) => {
    const source = new EventSource(urls.events(id));
    const end = (job: Job | null): void => {
      source.close();
      resolve(job);
    };
    source.addEventListener("message", (event: MessageEvent<string>) => {
      const job = JSON.parse(event.data) as Job;
      onChange(job);
      if (enough(job)) end(job);
    });
    source.addEventListener("error", () => end(null));
  });
}

async function poll(id: string, onChange: (job: Job) => void): Promise<Job> {
  for (let failures = 0; ; ) {
    try {
      const job = await api.job(id);
      failures = 0;
      onChange(job);
      if (enough(job)) return job;
    } catch (error) {
      failures += 1;
      if (failures >= PATIENCE) throw error;
    }
    await pause(PAUSE_MS);
  }
}

/** Tells every change of a job and resolves once its studies are there, or it failed. */
export async function follow(id: string, onChange: (job: Job) => void): Promise<Job> {
  return (await listen(id, onChange)) ?? poll(id, onChange);
}
