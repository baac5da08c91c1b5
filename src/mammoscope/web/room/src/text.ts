/** All that the page says, in one place; another language is a second object of the type `Text`. */
import type { ActionId } from "./actions";
import { heading, wholePercent as percent } from "./numbers";
import type { Job, PointValues, Range } from "./types";

type Words = Record<ActionId, { short: string; long: string }>;

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

const actions: Words = {
  window: { short: "Window", long: "Window and level: drag across for width, down for centre" },
  pan: { short: "Pan", long: "Move the picture" },
  zoom: { short: "Zoom", long: "Zoom by dragging; the wheel zooms with every tool" },
  length: { short: "Length", long: "Measure a distance" },
  region: { short: "Region", long: "Draw a square and ask what the network says of it" },
  magnify: { short: "Magnify", long: "Magnifying glass" },
  preset: { short: "Preset", long: "Next window preset" },
  invert: { short: "Invert", long: "Swap black and white" },
  reset: { short: "Reset", long: "Window, place and zoom as they were at first" },
  fit: { short: "Fit", long: "Fit the picture to its frame" },
  one: { short: "1:1", long: "One pixel of the image on one pixel of the screen" },
  zoomIn: { short: "Zoom in", long: "Larger" },
  zoomOut: { short: "Zoom out", long: "Smaller" },
  panLeft: { short: "Left", long: "Move to what lies left" },
  panRight: { short: "Right", long: "Move to what lies right" },
  panUp: { short: "Up", long: "Move to what lies above" },
  panDown: { short: "Down", long: "Move to what lies below" },
  mapMore: { short: "Map +", long: "Lesion map stronger" },
  mapLess: { short: "Map −", long: "Lesion map weaker" },
  boxes: { short: "Boxes", long: "Show or hide the boxes with their scores" },
  sync: { short: "Sync", long: "Zoom and move all views together" },
  four: { short: "Four", long: "Four views: right beside left, CC over MLO" },
  single: { short: "Single", long: "One view large, and back" },
  prior: { short: "Prior", long: "Beside an earlier study" },
  next: { short: "Next", long: "Next view" },
  previous: { short: "Previous", long: "Previous view" },
  view1: { short: "R CC", long: "First view (right CC)" },
  view2: { short: "L CC", long: "Second view (left CC)" },
  view3: { short: "R MLO", long: "Third view (right MLO)" },
  view4: { short: "L MLO", long: "Fourth view (left MLO)" },
  finding: { short: "Finding", long: "Go to the next finding, highest first" },
  findingBack: { short: "Finding back", long: "Go to the previous finding" },
  nextStudy: { short: "Next study", long: "Next study of the worklist" },
};

const english = {
  language: "en-GB",
  program: "Mammoscope",
  research: "For research and education; it supports a reader and replaces none.",
  close: "Close",
  cancel: "Cancel",
  yes: "yes",
  no: "no",
  notJudged: "not judged",
  sure: "sure",
  notSure: "not sure",
  actions,
  loading: (name: string, share: string) => `${name} ${share}`,
  breast: { R: "Right breast", L: "Left breast" },
  flag: { above: "Put forward", below: "Below the point", none: "Not judged" },
  purpose: { mammogram: "mammograms", region: "regions", ultrasound: "ultrasound" },
  point: (point: PointValues): string => {
    const shares = point.sensitivity !== null && point.specificity !== null
      ? `: sensitivity ${percent(point.sensitivity)}, specificity ${percent(point.specificity)}` : "";
    return `${heading(point.name)} at ${percent(point.threshold)}${shares}`;
  },
  density: (grade: string, share: number | null, words: Record<string, string>): string =>
    `${grade}: ${words[grade] ?? ""}${share === null ? "" : `, ${percent(share)}`}`,
  nav: {
    label: "Sections", skip: "Skip to the content", study: "Read", worklist: "Worklist", ultrasound: "Ultrasound",
    compare: "Compare models", evaluate: "Evaluate", models: "Model card", help: "Help",
  },
  theme: { system: "Theme: system", light: "Theme: light", dark: "Theme: dark", hint: "Light, dark, or as the system says" },
  login: {
    heading: "Log in", detail: "This installation asks for its access token. Whoever started it has it.",
    token: "Access token", enter: "Log in", leave: "Log out",
  },
  errors: {
    unreachable: "The service does not answer. Is `mammoscope serve` still running?",
    status: (status: number) => `The service answered with status ${status}.`,
    picture: "A picture could not be loaded; open the study again.",
  },
  upload: {
    files: "Choose files", folder: "Choose a folder", progress: "Progress",
    nothing: "Nothing to read in there: no file, or only empty and hidden ones.",
    sending: (share: number) => `Sending, ${percent(share)}`,
    queued: "Sent; waiting for its turn",
    counts: (job: Job): string => {
      const read = job.files.filter((file) => file.state === "read").length;
      const refused = job.files.filter((file) => file.state === "refused" || file.state === "failed").length;
      const tail = refused > 0 ? `, ${refused} refused` : "";
      if (job.state === "queued") return "Waiting for its turn";
      if (job.state === "running" && read + refused === job.files.length) return `Files read; judging${tail} …`;
      return job.state === "running" ? `Reading: ${read + refused} of ${job.files.length} files${tail}` : `${count(read, "file", "files")} read${tail}`;
    },
    state: { waiting: "waiting", reading: "reading", read: "read", refused: "refused", failed: "failed" },
    open: "Open the study", openOne: (at: number, of: number) => `Open study ${at} of ${of}`,
    again: "Send other files", demo: "Try the demo exam",
    demoHint: "Four views of a made-up breast; nothing is fetched from outside.",
  },
  start: {
    recent: "Read before",
    study: {
      heading: "Read a study",
      lead: "The right and left breast, CC and MLO. The files stay on the computer that this program runs on, and are deleted as soon as they were read.",
      title: "Drop a mammography study here",
      hint: "DICOM files, a folder, a zip, or PNG, JPEG and TIFF pictures whose names say side and view, such as R_CC.png",
    },
    ultrasound: {
      heading: "Read breast ultrasound",
      lead: "Each picture is told apart as normal, benign or malignant, one at a time, with a map of where.",
      title: "Drop ultrasound pictures here",
      hint: "PNG, JPEG or TIFF pictures, or DICOM files, of breast ultrasound",
    },
  },
  study: {
    opening: "Opening the study …", results: "Results", pictures: "Pictures", another: "Read another study",
    gone: "This study is no longer here", failed: "This study could not be opened",
    goneDetail: "It was deleted, or its time was up: stored studies expire. Read its files again.",
  },
  toolbar: {
    label: "Picture tools", tools: "Mouse tools", window: "Window and size", overlay: "Overlays", layout: "Layout",
    presets: "Preset", map: "Map", off: "off",
  },
  results: {
    exam: "Exam", malignancy: "Malignancy", density: "Density", ultrasound: "Ultrasound",
    interval: (range: Range) => `${percent(range[0])} to ${percent(range[1])}`,
    meaning: "What sure and the interval mean",
    judgedOf: (what: string, word: string) => `${what}: ${word}`,
    barSaid: (label: string, value: number | null, range: Range | null): string =>
      value === null ? `${label}: not judged`
        : `${label}: malignancy ${percent(value)}${range ? `, 95 % interval ${percent(range[0])} to ${percent(range[1])}` : ""}`,
    densitySaid: (shares: string) => `Density ${shares}`,
    notSureZone: "In this zone the program is not sure",
    notSureDetail: "Breasts with a cancer and breasts without both score like this.",
    findings: (number: number) => (number === 0 ? "Findings" : `Findings (${number})`),
    noFindings: "No place stands out. That does not rule out a cancer.",
    warnings: "Warnings", refused: (name: string) => `${name} was not judged:`,
    downloads: "Take along", openReport: "Open the report", report: "Report (HTML)", json: "Report (JSON)",
    overlay: (name: string) => `Picture of ${name} with overlay (PNG)`,
    model: "Model card:", expires: (when: string) => `kept until ${when}`,
  },
  region: {
    title: "Regions",
    how: "Choose the region tool (R) and draw a square around a mass. Sharpening and contrast change only what the network sees of the chosen region.",
    sharpen: "Sharpen", contrast: "Contrast", strength: (what: string) => `${what}: strength`,
    asking: "Asking …", crop: (name: string) => `The square of ${name} as the network saw it`,
    range: (range: Range) => `${percent(range[0])} to ${percent(range[1])} when moved a little`,
    plain: (share: string) => `without sharpening and contrast: ${share} malignant`,
    told: (at: number, share: string) => `Region ${at}: ${share} malignant`,
    choose: "Choose this region and go to it", forget: (at: number) => `Remove region ${at}`,
    label: "Label", note: "Note", keep: "Keep as annotation", kept: "Kept as an annotation", deleted: "Annotation deleted",
    labels: { suspicious: "suspicious", malignant: "malignant", benign: "benign", missed: "missed lesion" },
    marks: (number: number) => count(number, "annotation", "annotations"),
    deleteMark: (name: string) => `Delete the annotation in ${name}`,
    coco: "COCO", csv: "CSV", notPrior: "Regions are asked of the present study, not of the prior.",
  },
  verdict: {
    title: "Your verdict", note: "Note", notePlaceholder: "What you saw; no names, please",
    words: { agree: "Agree", disagree: "Disagree", missed: "Missed lesion" },
    none: "Nothing said yet; saved as soon as you do", saving: "Saving …", saved: "Saved",
    savedAt: (time: string) => `Saved at ${time}`, notSaved: "Not saved",
  },
  prior: {
    title: "Compare with a prior", how: "The earlier study hangs beside this one, view by view.", label: "Earlier study",
    compare: "Compare", compareWith: "Compare with prior",
    none: "There is no other study to compare with; read the earlier one first.",
  },
  worklist: {
    heading: "Worklist", loading: "Loading …", pictures: "Pictures", study: "Study", suspicion: "Malignancy", flag: "Flag", read: "Read",
    actions: "Actions", filter: "Filter", filterHint: "name, note, “not sure” …", csv: "CSV",
    mammogram: "Mammogram", density: (grade: string) => `density ${grade}`, noVerdict: "none yet",
    images: (judged: number, all: number) => `${judged} of ${count(all, "image", "images")} judged`,
    count: (shown: number, all: number) => (shown === all ? count(all, "study", "studies") : `${shown} of ${count(all, "study", "studies")}`),
    empty: "No study has been read yet.", nothingFound: "No study fits the filter.", begin: "Read a study",
    delete: "Delete", deleteOne: (name: string) => `Delete ${name}`, deleteTitle: (name: string) => `Delete ${name}?`,
    deleteDetail: "Pictures, report, verdict and annotations go for good.",
    last: "This is the last study of the worklist.",
  },
  compare: {
    heading: "Compare models", lead: "Two weights on the same mammogram, side by side.",
    study: "Study", image: "Image", first: "First model", second: "Second model", start: "Compare",
    model: (name: string, purpose: string) => `${name} (${purpose})`,
    alone: (name: string) => `${name} is the only set of weights for mammograms here; start the service with --weights to add another.`,
    asking: "Both models read the image …", empty: "There is no study yet; read one, then compare on its images.",
    took: (ms: number) => `took ${ms.toFixed(0)} ms`,
    picture: (model: string, image: string, share: string) => `${image} with the lesion map of ${model}; malignancy ${share}`,
    findings: (number: number, top: string | null) =>
      number === 0 ? "No finding" : `${count(number, "finding", "findings")}, the highest ${top ?? ""}`,
    apart: (points: number) => `Their answers lie ${points.toFixed(1)} percentage points apart.`,
  },
  evaluate: {
    heading: "Evaluate", lead: "Predictions and truth in; AUC, operating points and calibration with intervals out.",
    predictions: { title: "Predictions", hint: "One or several CSV files, or what `mammoscope predict --json` printed; several are compared" },
    truth: { title: "Truth", hint: "One CSV file: a manifest, or any table that says which case had a cancer" },
    start: "Evaluate", missing: "Choose at least one file of predictions and one of truth.",
    failed: "The evaluation failed.", report: "Evaluation report", download: "Download the report", open: "Open in its own tab",
    columnsTitle: "The columns that are needed",
    columnHeads: ["Column", "File", "What it says"],
    columns: [
      ["image_path", "both", "which image; or patient_id with laterality (L or R), or exam_id, for whole breasts and exams"],
      ["malignancy", "predictions", "probability of cancer from 0 to 1; malignancy_logit for a logit"],
      ["cancer", "truth", "1 with cancer, 0 without, empty where unknown"],
      ["patient_id", "truth", "code of the woman, so that intervals count women and not images"],
      ["density_A … density_D", "predictions", "optional: probabilities of the density grades"],
    ] as [string, string, string][],
    sample: "A sample, predictions over truth:",
    sampleRows: "image_path,malignancy\n1/L_CC.png,0.82\n1/R_CC.png,0.11\n\nimage_path,patient_id,laterality,view,cancer\n1/L_CC.png,p1,L,CC,1\n1/R_CC.png,p1,R,CC,0",
  },
  models: {
    heading: "Model card", lead: "What each model is for, what it must not be used for, and how it was measured.",
    default: "in use", notGiven: "not given",
  },
  help: {
    open: "Open the help sheet (?)", title: "Keys", heading: "Help", key: "Key", does: "What it does",
    keysOn: "Keys are on", mouseTitle: "Mouse", more: "More", tryIt: "Try-it page: one picture, one answer", api: "The API for programs",
    mouse: [
      "Wheel: zoom where the mouse points.",
      "Drag: what the chosen tool does; with the middle or right button: move.",
      "Region tool without a mouse: arrow keys move a square, with Shift they stretch it, Enter asks, Escape drops it.",
      "Double click: one view large, and back.",
    ],
    parts: [
      ["What the numbers mean",
        "Malignancy is a calibrated probability: among breasts that scored like this one, so large a share held a cancer in the data it was calibrated on. That is not a screening probability; the model card says which data it was.",
        "The band on a bar is the 95 % interval of that share. Ticks are operating points: thresholds with a measured sensitivity and specificity. An exam at or above the chosen one is put forward."],
      ["When it is not sure",
        "Between two thresholds, breasts with and without cancer both score alike. There the program says “not sure” instead of an answer."],
      ["Regions and annotations",
        "With the region tool you draw a square around a mass and ask the network for region crops: benign or malignant. What you keep as annotation can be downloaded as COCO or CSV and used to train."],
      ["What happens to files",
        "They are read on the computer that runs this program and deleted as soon as they were judged. Pixel values, report and thumbnails are kept until the study expires or you delete it. Patients' names are not stored."],
      ["What it is not",
        "It is not a medical device. It has learned from few sites and misses cancers; what it does not mark may still be one."],
    ] as [string, ...string[]][],
  },
};

export type Text = typeof english;
export const text: Text = english;
