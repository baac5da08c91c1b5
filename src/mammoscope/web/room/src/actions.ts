/** What can be done to the pictures, each with its key: the one list behind toolbar, keys and help. */
import { ICONS } from "./icons";
import type { Reading } from "./reading";
import { text } from "./text";
import type { Tool } from "./viewer";

const MAP_STEP = 0.1;
const TOOLS = ["window", "pan", "zoom", "length", "region", "magnify"] as const satisfies readonly Tool[];
const VIEWS = [1, 2, 3, 4] as const;
const SIDES = ["Left", "Right", "Up", "Down"] as const;
const ZOOM_STEP = 1.25;
const PAN_STEP = 60;
const WAYS: Record<Side, [number, number]> = { Left: [1, 0], Right: [-1, 0], Up: [0, 1], Down: [0, -1] };

type Side = (typeof SIDES)[number];

export type ActionId =
  | Tool | "invert" | "reset" | "fit" | "one" | "mapMore" | "mapLess" | "preset" | "boxes" | "sync"
  | "four" | "single" | "prior" | "next" | "previous" | "finding" | "findingBack" | "nextStudy"
  | "zoomIn" | "zoomOut" | `pan${Side}` | `view${(typeof VIEWS)[number]}`;

export interface Action {
  id: ActionId;
  keys: readonly string[];
  run(reading: Reading): void;
}

const tools: Action[] = TOOLS.map((tool) => ({
  id: tool,
  keys: [{ window: "w", pan: "p", zoom: "z", length: "l", region: "r", magnify: "m" }[tool]],
  run: (reading) => reading.tool(tool),
}));

const views: Action[] = VIEWS.map((view) => ({
  id: `view${view}`,
  keys: [String(view)],
  run: (reading) => reading.toSlot(view - 1),
}));

const pans: Action[] = SIDES.map((side) => ({
  id: `pan${side}`,
  keys: [`Shift+Arrow${side}`],
  run: (reading) => reading.viewer.pan(PAN_STEP * WAYS[side][0], PAN_STEP * WAYS[side][1]),
}));

export const ACTIONS: readonly Action[] = [
  ...tools,
  { id: "preset", keys: ["d"], run: (reading) => reading.nextPreset() },
  { id: "invert", keys: ["i"], run: (reading) => reading.viewer.invert() },
  { id: "reset", keys: ["0"], run: (reading) => reading.viewer.reset() },
  { id: "fit", keys: ["f"], run: (reading) => reading.viewer.fit() },
  { id: "one", keys: ["o"], run: (reading) => reading.viewer.oneToOne() },
  { id: "zoomIn", keys: ["."], run: (reading) => reading.viewer.zoomBy(ZOOM_STEP) },
  { id: "zoomOut", keys: [","], run: (reading) => reading.viewer.zoomBy(1 / ZOOM_STEP) },
  ...pans,
  { id: "mapMore", keys: ["+", "="], run: (reading) => reading.map(MAP_STEP) },
  { id: "mapLess", keys: ["-"], run: (reading) => reading.map(-MAP_STEP) },
  { id: "boxes", keys: ["b"], run: (reading) => reading.viewer.setBoxes(!reading.state.boxes) },
  { id: "sync", keys: ["s"], run: (reading) => reading.viewer.setSync(!reading.state.sync) },
  { id: "four", keys: ["v"], run: (reading) => reading.viewer.setLayout("four") },
  { id: "single", keys: ["e"], run: (reading) => reading.enlarge() },
  { id: "prior", keys: ["c"], run: (reading) => reading.comparePrior() },
  { id: "next", keys: ["ArrowRight", "ArrowDown"], run: (reading) => reading.viewer.next() },
  { id: "previous", keys: ["ArrowLeft", "ArrowUp"], run: (reading) => reading.viewer.previous() },
  ...views,
  { id: "finding", keys: ["g"], run: (reading) => reading.finding(1) },
  { id: "findingBack", keys: ["G"], run: (reading) => reading.finding(-1) },
  { id: "nextStudy", keys: ["n"], run: (reading) => reading.nextStudy() },
];

const KEY_SIGNS: Record<string, string> = {
  ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", "-": "−", G: "Shift+G",
};

export function keySign(key: string): string {
  if (key.startsWith("Shift+")) return `Shift+${keySign(key.slice("Shift+".length))}`;
  return KEY_SIGNS[key] ?? key.toUpperCase();
}

/** What a tooltip says: the action in words, and its key. */
export function hint(id: ActionId): string {
  const action = ACTIONS.find((one) => one.id === id);
  const key = action?.keys[0];
  return key ? `${text.actions[id].long} (${keySign(key)})` : text.actions[id].long;
}

/** The drawing of an action that stands in the toolbar. */
export function drawing(id: ActionId): string {
  return id in ICONS ? ICONS[id as keyof typeof ICONS] : ICONS.single;
}
