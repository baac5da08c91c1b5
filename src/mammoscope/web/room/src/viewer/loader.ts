import { cache, imageLoader, metaData, type Types } from "@cornerstonejs/core";
import { texts } from "./text";
import type { Study, StudyImage } from "./types";
import { rangeOf, type Range } from "./windowing";

const SCHEME = "mammoscope";

interface Source {
  image: StudyImage;
  leave: AbortSignal;
  progress: (fraction: number) => void;
  range: Range;
}

const sources = new Map<string, Source>();
const underway = new Map<string, Promise<Types.IImage>>();
const decoded = new Map<string, Types.IImage>();
let registered = false;

export function imageId(study: string, index: number): string {
  return `${SCHEME}:${study}/${index}`;
}

export function rangeFor(id: string): Range {
  return sources.get(id)?.range ?? { min: 0, max: 1 };
}

/** Make a study's images known to Cornerstone; nothing is fetched before an image is asked for. */
export function addStudy(study: Study, leave: AbortSignal, progress: (image: number, fraction: number) => void): void {
  registerOnce();
  for (const image of study.images) {
    const told = (fraction: number) => progress(image.index, fraction);
    sources.set(imageId(study.id, image.index), { image, leave, progress: told, range: { min: 0, max: 1 } });
  }
}

/** Free the decoded pixels of a study that is left. */
export function dropStudy(study: Study): void {
  for (const image of study.images) {
    const id = imageId(study.id, image.index);
    if (cache.getImageLoadObject(id)) cache.removeImageLoadObject(id);
    sources.delete(id);
  }
}

/** Fetch an image into Cornerstone's cache; rejects with a sentence for the user where that fails. */
export function load(id: string): Promise<Types.IImage> {
  const found = underway.get(id) ?? fetchAndCache(id).finally(() => underway.delete(id));
  underway.set(id, found);
  return found;
}

/** Cornerstone is handed finished images only: a failed one would leave its cache with a promise nobody awaits. */
async function fetchAndCache(id: string): Promise<Types.IImage> {
  if (!cache.isLoaded(id)) decoded.set(id, await decode(id));
  try {
    return (await imageLoader.loadAndCacheImage(id)) as Types.IImage;
  } finally {
    decoded.delete(id);
  }
}

export function isLoaded(id: string): boolean {
  return cache.isLoaded(id);
}

function registerOnce(): void {
  if (registered) return;
  registered = true;
  imageLoader.registerImageLoader(SCHEME, (id: string) => ({ promise: Promise.resolve(decoded.get(id)) }) as never);
  metaData.addProvider((type: string, id: string) => {
    const source = typeof id === "string" ? sources.get(id) : undefined;
    return source ? describe(type, id, source.image) : undefined;
  }, 10000);
}

function describe(type: string, id: string, image: StudyImage): unknown {
  const [row, column] = image.spacing_mm ?? [1, 1];
  if (type === "imagePixelModule") {
    const bits = image.dtype === "uint8" ? 8 : 16;
    return {
      bitsAllocated: bits,
      bitsStored: bits,
      highBit: bits - 1,
      samplesPerPixel: 1,
      pixelRepresentation: 0,
      photometricInterpretation: "MONOCHROME2",
    };
  }
  if (type === "imagePlaneModule") {
    return {
      frameOfReferenceUID: id,
      rows: image.height,
      columns: image.width,
      rowCosines: [1, 0, 0],
      columnCosines: [0, 1, 0],
      imageOrientationPatient: [1, 0, 0, 0, 1, 0],
      imagePositionPatient: [0, 0, 0],
      rowPixelSpacing: row,
      columnPixelSpacing: column,
      pixelSpacing: [row, column],
    };
  }
  return type === "generalSeriesModule" ? { modality: "MG" } : undefined;
}

async function decode(id: string): Promise<Types.IImage> {
  const source = sources.get(id);
  if (!source?.image.values_url) throw new Error(texts.noValues);
  const bytes = await fetchBytes(source.image.values_url, source);
  const values = source.image.dtype === "uint8" ? bytes : new Uint16Array(bytes.buffer);
  source.leave.throwIfAborted();
  source.range = rangeOf(values);
  return cornerstoneImage(id, source, values);
}

/** Read the answer straight into one array of the known size, so that no second copy is ever held. */
async function fetchBytes(url: string, source: Source): Promise<Uint8Array<ArrayBuffer>> {
  const { image, leave, progress } = source;
  const bytes = new Uint8Array(image.width * image.height * (image.dtype === "uint8" ? 1 : 2));
  const answer = await fetch(url, { signal: leave, credentials: "same-origin" });
  if (!answer.ok || !answer.body) throw new Error(texts.failed(answer.status));
  const reader = answer.body.getReader();
  let filled = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (filled + part.value.length > bytes.length) throw new Error(texts.unfit(filled + part.value.length, bytes.length));
    bytes.set(part.value, filled);
    filled += part.value.length;
    progress(filled / bytes.length);
  }
  if (filled !== bytes.length) throw new Error(texts.unfit(filled, bytes.length));
  return bytes;
}

/** Values stay as stored: slope and intercept enter through the window alone, so no level is lost. */
function cornerstoneImage(id: string, source: Source, values: Uint8Array | Uint16Array): Types.IImage {
  const { image, range } = source;
  const [row, column] = image.spacing_mm ?? [1, 1];
  const made = {
    imageId: id,
    minPixelValue: range.min,
    maxPixelValue: range.max,
    slope: 1,
    intercept: 0,
    windowCenter: (range.min + range.max + 1) / 2,
    windowWidth: range.max - range.min + 1,
    voiLUTFunction: "LINEAR",
    getPixelData: () => values,
    rows: image.height,
    columns: image.width,
    height: image.height,
    width: image.width,
    color: false,
    rgba: false,
    numberOfComponents: 1,
    columnPixelSpacing: column,
    rowPixelSpacing: row,
    invert: false,
    photometricInterpretation: "MONOCHROME2",
    sizeInBytes: values.byteLength,
    dataType: image.dtype === "uint8" ? "Uint8Array" : "Uint16Array",
    imageFrame: {},
  };
  return made as unknown as Types.IImage;
}
