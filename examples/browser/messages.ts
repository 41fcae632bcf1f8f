// What the page and its training worker say to each other.

import type { ExplainTable } from "optspec/runtime";
import type { Course } from "../digits/train.js";

export type DeviceKind = "cpu" | "webgpu";

/** Page to worker: train once. */
export interface Order {
  readonly device: DeviceKind;
  readonly steps: number;
  readonly decay: number;
}

/** Worker to page. */
export type News =
  /** The digits are there: the worker listens from now on. */
  | { readonly kind: "awake" }
  | { readonly kind: "ready"; readonly device: string; readonly numbers: number; readonly table: ExplainTable }
  | { readonly kind: "step"; readonly step: number; readonly courses: readonly Course[] }
  | { readonly kind: "failed"; readonly message: string };
