import { texts } from "./text";
import type { Box, Measure, Point, Region, StudyImage } from "./types";
import { lengthOf } from "./view";

const SVG = "http://www.w3.org/2000/svg";

export type Draft = { kind: "box"; box: Box } | { kind: "line"; line: Measure };

export interface Drawing {
  image: StudyImage;
  boxes: boolean;
  regions: Region[];
  measures: Measure[];
  draft: Draft | null;
}

/** Redraw the marks of one pane; `place` maps source pixels to the pane's CSS pixels. */
export function draw(svg: SVGSVGElement, drawing: Drawing, place: (point: Point) => Point): void {
  const shapes: SVGElement[] = [];
  if (drawing.boxes) {
    for (const { box_px, label, score } of drawing.image.findings) {
      shapes.push(...boxed(place, box_px, "finding", texts.finding(label, score)));
    }
  }
  for (const { box_px, kind, text } of drawing.regions) shapes.push(...boxed(place, box_px, kind, text));
  for (const measure of drawing.measures) shapes.push(...measured(place, drawing.image, measure));
  if (drawing.draft?.kind === "box") shapes.push(...boxed(place, drawing.draft.box, "draft", ""));
  if (drawing.draft?.kind === "line") shapes.push(...measured(place, drawing.image, drawing.draft.line));
  svg.replaceChildren(...shapes);
}

function boxed(place: (point: Point) => Point, box: Box, kind: string, text: string): SVGElement[] {
  const [ax, ay] = place([box[0], box[1]]);
  const [bx, by] = place([box[2], box[3]]);
  const [x, y] = [Math.min(ax, bx), Math.min(ay, by)];
  const size = { width: Math.abs(bx - ax), height: Math.abs(by - ay) };
  const rect = element("rect", { class: `mv-${kind}`, x, y, ...size });
  return text ? [rect, written(x, y - 5, `mv-label mv-label-${kind}`, text)] : [rect];
}

function measured(place: (point: Point) => Point, image: StudyImage, { from, to }: Measure): SVGElement[] {
  const [x1, y1] = place(from);
  const [x2, y2] = place(to);
  const { value, unit } = lengthOf(image, from, to);
  const ends = [
    [x1, y1],
    [x2, y2],
  ].map(([cx, cy]) => element("circle", { class: "mv-length", cx: cx!, cy: cy!, r: 3 }));
  const line = element("line", { class: "mv-length", x1, y1, x2, y2 });
  return [line, ...ends, written(x2 + 8, y2 - 6, "mv-label mv-label-length", texts.length(value, unit))];
}

function written(x: number, y: number, className: string, text: string): SVGElement {
  const label = element("text", { class: className, x, y: Math.max(14, y) });
  label.textContent = text;
  return label;
}

function element(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
