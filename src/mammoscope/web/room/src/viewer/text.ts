/** Every word that the viewer shows or speaks. */
import { wholePercent } from "../numbers";

export const texts = {
  fullRange: "full range",
  loading: "Loading",
  noValues: "The pixel values of this image are not available.",
  noPrior: "No prior image of this view",
  prior: (name: string) => `Prior ${name}`,
  empty: "No image",
  failed: (status: number) => `The pixel values could not be loaded (the server answered ${status}); reload the study.`,
  unfit: (found: number, wanted: number) =>
    `The pixel values do not fit the image (${found} bytes came, ${wanted} were expected); reload the study.`,
  window: (center: string, width: string) => `C ${center}  W ${width}`,
  zoom: (percent: number) => `${percent} %`,
  inverted: "inverted",
  finding: (label: string, score: number) => `${label} ${wholePercent(score)}`,
  length: (value: number, unit: "mm" | "px") => `${value.toFixed(unit === "mm" ? 1 : 0)} ${unit}`,
  pane: (name: string) => `${name}, image viewer`,
  canvas: (name: string, width: number, height: number, findings: number) =>
    `Mammogram ${name}, ${width} by ${height} pixels, ${findings === 1 ? "1 finding" : `${findings} findings`} marked.`,
  region: (x: number, y: number, width: number, height: number) =>
    `Region ${width} by ${height} pixels at ${x}, ${y}. Enter confirms, Escape discards.`,
};
