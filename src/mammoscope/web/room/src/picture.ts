/** An image from its values on a small canvas, with a lesion map laid over it. */
import { text } from "./text";
import type { Image } from "./types";

const TALLEST = 1100;

async function values(image: Image): Promise<Uint8Array | Uint16Array> {
  const response = await fetch(image.values_url ?? "");
  if (!response.ok) throw new Error(text.errors.status(response.status));
  const bytes = await response.arrayBuffer();
  return image.dtype === "uint16" ? new Uint16Array(bytes) : new Uint8Array(bytes);
}

/** Grey levels 0..255 of every `step`th pixel through the image's first window. */
function grey(image: Image, pixels: Uint8Array | Uint16Array, step: number, width: number, height: number): ImageData {
  const window = image.windows[0] ?? { center: 127.5, width: 255 };
  const low = window.center - window.width / 2;
  const data = new ImageData(width, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const value = (pixels[y * step * image.width + x * step] ?? 0) * image.slope + image.intercept;
      const level = (255 * (value - low)) / window.width;
      data.data.set([0, 0, 0, 255], 4 * (y * width + x));
      data.data.fill(image.low_is_white ? 255 - level : level, 4 * (y * width + x), 4 * (y * width + x) + 3);
    }
  }
  return data;
}

function loaded(url: string): Promise<HTMLImageElement> {
  const picture = new Image();
  return new Promise((resolve, reject) => {
    picture.addEventListener("load", () => resolve(picture));
    picture.addEventListener("error", () => reject(new Error(text.errors.picture)));
    picture.src = url;
  });
}

/** The image at a size for the screen; from the thumbnail where its values are not kept. */
export async function basePicture(image: Image): Promise<CanvasImageSource & { width: number; height: number }> {
  if (!image.values_url) return loaded(image.thumbnail_url ?? "");
  const step = Math.max(1, Math.ceil(image.height / TALLEST));
  const width = Math.floor(image.width / step);
  const height = Math.floor(image.height / step);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.putImageData(grey(image, await values(image), step, width, height), 0, 0);
  return canvas;
}

export interface Overlay {
  map: string | null;
  boxes: readonly { box_px: readonly number[]; score: number }[];
}

/** Draws picture, map and boxes on a canvas; mirrored where the view hangs mirrored. */
export async function overlaid(
  canvas: HTMLCanvasElement, image: Image, base: CanvasImageSource & { width: number; height: number }, over: Overlay,
): Promise<void> {
  canvas.width = base.width;
  canvas.height = base.height;
  const brush = canvas.getContext("2d");
  if (!brush) return;
  if (image.mirrored) brush.setTransform(-1, 0, 0, 1, base.width, 0);
  brush.drawImage(base, 0, 0);
  if (over.map) {
    brush.globalAlpha = 0.6;
    brush.drawImage(await loaded(over.map), 0, 0, base.width, base.height);
    brush.globalAlpha = 1;
  }
  const scale = base.width / image.width;
  brush.lineWidth = Math.max(2, base.width / 300);
  brush.strokeStyle = "#5ad1e6";
  for (const { box_px } of over.boxes) {
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = box_px.map((at) => at * scale);
    brush.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
}
