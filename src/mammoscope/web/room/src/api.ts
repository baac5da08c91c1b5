/** The service's answers; every failure is an ApiError that carries the server's own sentence. */
import { pathOf } from "./dropped";
import type { Box } from "./viewer";
import type {
  Comparison, Job, Mark, MarkLabel, Model, RegionAnswer, Row, Session, Study, Verdict,
} from "./types";
import { text } from "./text";

const ROOT = "/api/v1";

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
    this.name = "ApiError";
  }
}

/** What the page does when the service wants a login again. */
let onLoggedOut: () => void = () => undefined;
export function whenLoggedOut(action: () => void): void {
  onLoggedOut = action;
}

function sentence(body: string, status: number): string {
  try {
    const { detail } = JSON.parse(body) as { detail?: unknown };
    if (typeof detail === "string") return detail;
    if (Array.isArray(detail)) {
      return detail.map((one: { msg?: string }) => one.msg ?? "").filter(Boolean).join("; ");
    }
  } catch {
    // Not JSON: a proxy's page; the status says what is known.
  }
  return text.errors.status(status);
}

function refuse(status: number, body: string): ApiError {
  if (status === 401) onLoggedOut();
  return new ApiError(status, sentence(body, status));
}

const LOGIN = "/login";

async function ask(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(0, text.errors.unreachable);
  }
  if (!response.ok) {
    const body = await response.text();
    // A token that is not right is told where it was typed.
    throw path === LOGIN ? new ApiError(response.status, sentence(body, response.status)) : refuse(response.status, body);
  }
  return response;
}

async function get<T>(path: string): Promise<T> {
  return (await (await ask(ROOT + path)).json()) as T;
}

async function send<T>(method: string, path: string, body: unknown): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  const answer = await ask(ROOT + path, { method, headers, body: JSON.stringify(body) });
  return (await answer.json()) as T;
}

async function remove(path: string): Promise<void> {
  await ask(ROOT + path, { method: "DELETE" });
}

/** Posts a form; XMLHttpRequest because fetch does not say how much was sent. */
function post(path: string, form: FormData, onSent: (share: number) => void): Promise<{ job: string }> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", ROOT + path);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onSent(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) {
        resolve(JSON.parse(request.responseText) as { job: string });
      } else reject(refuse(request.status, request.responseText));
    });
    request.addEventListener("error", () => reject(new ApiError(0, text.errors.unreachable)));
    request.send(form);
  });
}

const at = (id: string): string => `/studies/${encodeURIComponent(id)}`;

/** Addresses for links and downloads. */
export const urls = {
  report: (id: string): string => `${ROOT}${at(id)}/report.html`,
  json: (id: string): string => `${ROOT}${at(id)}/report.json`,
  /** Drawn a moment after the study is there, so that its image may not name it yet. */
  overlay: (id: string, image: number): string => `${ROOT}${at(id)}/images/${image}/overlay.png`,
  worklistCsv: `${ROOT}/studies.csv`,
  coco: (id?: string): string => `${ROOT}/marks.coco.json${id ? `?study=${encodeURIComponent(id)}` : ""}`,
  marksCsv: (id?: string): string => `${ROOT}/marks.csv${id ? `?study=${encodeURIComponent(id)}` : ""}`,
  evaluation: (id: string): string => `${ROOT}/evaluations/${encodeURIComponent(id)}/report.html`,
  events: (job: string): string => `${ROOT}/jobs/${encodeURIComponent(job)}/events`,
  download: (url: string): string => `${url}${url.includes("?") ? "&" : "?"}download=1`,
};

export const api = {
  session: () => get<Session>("/session"),
  login: async (token: string): Promise<void> => {
    const headers = { "Content-Type": "application/json" };
    await ask(LOGIN, { method: "POST", headers, body: JSON.stringify({ token }) });
  },
  logout: async (): Promise<void> => {
    await ask("/logout", { method: "POST" });
  },
  version: () => get<{ program: string; version: string; api: string }>("/version"),
  models: () => get<Model[]>("/models"),
  card: (name: string) => get<Record<string, unknown>>(`/models/${encodeURIComponent(name)}`),
  job: (id: string) => get<Job>(`/jobs/${encodeURIComponent(id)}`),
  demo: () => send<{ job: string }>("POST", "/demo", {}),
  studies: async (order: "malignancy" | "created" = "malignancy"): Promise<Row[]> =>
    (await get<{ studies: Row[] }>(`/studies?order=${order}`)).studies,
  study: (id: string) => get<Study>(at(id)),
  deleteStudy: (id: string) => remove(at(id)),
  upload: (files: readonly File[], onSent: (share: number) => void) => {
    const form = new FormData();
    for (const file of files) form.append("files", file, pathOf(file));
    return post("/studies", form, onSent);
  },
  evaluate: (predictions: readonly File[], truth: File, onSent: (share: number) => void) => {
    const form = new FormData();
    for (const file of predictions) form.append("predictions", file, file.name);
    form.append("truth", truth, truth.name);
    return post("/evaluations", form, onSent);
  },
  region: (id: string, image: number, box_px: Box, sharpen: number, contrast: number) =>
    send<RegionAnswer>("POST", `${at(id)}/images/${image}/region`, { box_px, sharpen, contrast }),
  mark: (id: string, mark: { image: number; box_px: Box; label: MarkLabel; note: string }) =>
    send<Mark>("POST", `${at(id)}/marks`, mark),
  deleteMark: (id: string, mark: Mark["id"]) => remove(`${at(id)}/marks/${encodeURIComponent(mark)}`),
  verdict: (id: string, verdict: Verdict | null, note: string) =>
    send<Row>("PUT", `${at(id)}/verdict`, { verdict, note }),
  compare: (id: string, image: number, models: readonly string[]) =>
    send<Comparison[]>("POST", `${at(id)}/images/${image}/compare`, { models }),
};
