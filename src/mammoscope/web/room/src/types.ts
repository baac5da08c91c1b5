/** What the API answers, as TypeScript types. */
import type { Box, StudyImage } from "./viewer";

export type Verdict = "agree" | "disagree" | "missed";
export type MarkLabel = "benign" | "malignant" | "suspicious" | "missed";
export type Density = Record<"A" | "B" | "C" | "D", number>;
export type Range = [number, number];

export interface Session {
  login_needed: boolean;
  logged_in: boolean;
}

export interface JobFile {
  name: string;
  state: "waiting" | "reading" | "read" | "refused" | "failed";
  reason: string | null;
}

export interface Job {
  id: string;
  state: "queued" | "running" | "done" | "failed";
  done: number;
  total: number;
  files: JobFile[];
  studies: string[];
  step?: string | null;
  evaluations?: string[];
  error: string | null;
}

export interface Row {
  id: string;
  created: string;
  expires: string | null;
  label: string;
  name: string | null;
  malignancy: number | null;
  malignancy_interval: Range | null;
  flag: boolean | null;
  sure: boolean | null;
  density: string | null;
  breasts: { L: number | null; R: number | null };
  images: number;
  judged: number;
  verdict: Verdict | null;
  note: string;
  marks: number;
  ultrasound: boolean;
  thumbnails: string[];
}

export interface Finding {
  box_px: Box;
  score: number;
  label: string;
}

export interface ClassProbability {
  name: string;
  probability: number;
}

export interface PointValues {
  name: string;
  threshold: number;
  sensitivity: number | null;
  specificity: number | null;
}

export interface OperatingPoint extends PointValues {
  description?: string | null;
  /** Whether the flag is decided at it. */
  chosen?: boolean;
}

export interface ModelName {
  name: string;
  sha256: string;
  runtime?: string;
}

export interface Region {
  box_px: Box;
  malignancy: number;
  malignancy_range: Range | null;
  classes: ClassProbability[];
  flag: boolean | null;
  model?: ModelName;
}

export interface Ultrasound {
  malignancy: number;
  classes: ClassProbability[];
  flag: boolean;
  operating_point: PointValues;
  model: ModelName;
}

export interface Image extends Omit<StudyImage, "findings"> {
  findings: Finding[];
  thumbnail_url: string | null;
  overlay_url: string | null;
  refused: string | null;
  warnings: string[];
  malignancy: number | null;
  regions: Region[];
  ultrasound: Ultrasound | null;
}

export interface Mark {
  id: string | number;
  image: number;
  box_px: Box;
  label: MarkLabel;
  note: string;
  created: string;
}

export interface BreastReport {
  malignancy: number | null;
  malignancy_interval: Range | null;
  sure: boolean | null;
  density: Density | null;
}

export interface Report {
  exam: {
    malignancy: number | null;
    malignancy_interval: Range | null;
    sure: boolean | null;
    not_sure: { low: number; high: number; alpha: number } | null;
    density: Density | null;
    flag: boolean | null;
    operating_point: PointValues | null;
    warnings: string[];
  };
  breasts: { L: BreastReport; R: BreastReport };
}

export interface Words {
  verdict: string;
  verdict_detail: string;
  not_sure: string | null;
  interval: string | null;
  calibration?: string | null;
  research: string;
  /** Where each finding of each image lies. */
  places?: string[][];
  density: Record<string, string>;
}

export interface Study extends Omit<Row, "images" | "marks"> {
  report: Report;
  images: Image[];
  points: OperatingPoint[];
  words: Words;
  marks: Mark[];
  model: ModelName;
}

export interface Model {
  name: string;
  purpose: "mammogram" | "region" | "ultrasound";
  description: string;
  sha256: string;
  default: boolean;
}

export interface RegionAnswer {
  region: Region;
  crop: string;
}

export interface Comparison {
  model: string;
  malignancy: number | null;
  density: Density | null;
  findings: Finding[];
  map: string | null;
  ms: number;
}
